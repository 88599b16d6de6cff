"""Images into the node's containerd: its own, and those that people bring."""

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from manor.local.components import CONTAINERD_SOCKET
from manor.local.errors import ImageError
from manor.local.images import Image
from manor.local.node import Node, write_file
from manor.local.processes import enter

# How each engine that may be on this machine writes an image with its name into a file.
_EXPORTS = {
    "docker": ("save", "--output", "{file}", "{image}"),
    "podman": ("save", "--output", "{file}", "{image}"),
    "buildah": ("push", "{image}", "docker-archive:{file}:{image}"),
}


def load_images(node: Node, images: Iterable[Image]) -> None:
    """Import the images that the node does not have in their present content.

    Raises:
        ImageError: containerd refuses one.
    """
    record = node.files.data / "images.json"
    loaded: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    for image in images:
        # The archive's name holds the hash of what the image is made of.
        if loaded.get(image.reference) != image.archive.name:
            _import(node, image.archive)
            loaded[image.reference] = image.archive.name
            write_file(record, json.dumps(loaded, indent=2) + "\n")


def load_archive(node: Node, archive: Path) -> list[str]:
    """Import an archive as `docker save` and others write it; the names of the images in it, as
    pods give them.

    Raises:
        ImageError: containerd refuses it, or it names no image.
    """
    names = _names_in(archive)
    if not names:
        raise ImageError(
            f"{archive} names no image; write it with a name, as `docker save NAME:TAG` does"
        )
    _import(node, archive)
    return names


def names_on(node: Node) -> list[str]:
    """The names of the images that the node holds.

    Raises:
        ImageError: containerd does not answer.
    """
    done = subprocess.run(
        _ctr(node, "list", "--quiet"), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ImageError(f"node {node.name!r} does not list its images:\n{done.stderr.strip()}")
    return done.stdout.split()


def save_image(node: Node, image: str, archive: Path) -> None:
    """Write an image of the node's into an archive, as `docker save` does.

    Raises:
        ImageError: containerd does not hold all of it.
    """
    # containerd's transfer API, the default, ends now and then before all of it has come.
    command = _ctr(node, "export", "--local", "-", image)
    with archive.open("wb") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ImageError(f"{image} cannot be taken from node {node.name!r}:\n{done.stderr.strip()}")


def _names_in(archive: Path) -> list[str]:
    try:
        with tarfile.open(archive) as tar:
            manifest = json.load(tar.extractfile("manifest.json") or BytesIO())
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise ImageError(
            f"{archive} is no archive of images as `docker save` writes it: {error}"
        ) from None
    return [name for image in manifest for name in image.get("RepoTags") or ()]


def _import(node: Node, archive: Path) -> None:
    # By its standard input: the node need not see the file.
    with archive.open("rb") as file:
        done = subprocess.run(
            _ctr(node, "import", "-"), stdin=file, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise ImageError(
            f"{archive} could not be loaded into node {node.name!r}:\n{done.stderr.strip()}"
        )


def _ctr(node: Node, *words: str) -> list[str]:
    program = [f"{node.bin}/ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io"]
    return enter(node, *program, "images", *words)


def load_image(node: Node, image: str) -> list[str]:
    """Import an image that docker, podman or buildah holds on this machine, by its name.

    Raises:
        ImageError: none of them holds it, or containerd refuses it.
    """
    tried = []
    with tempfile.TemporaryDirectory(prefix="manor-") as folder:
        file = Path(folder) / "image.tar"
        for engine, arguments in _EXPORTS.items():
            if shutil.which(engine):
                command = [
                    engine,
                    *(argument.format(file=file, image=image) for argument in arguments),
                ]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    return load_archive(node, file)
                tried.append(f"  {engine}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    said = "\n".join(tried) or f"  none of {', '.join(_EXPORTS)} is installed"
    raise ImageError(
        f"there is no file {image!r}, and no image of that name on this machine:\n{said}"
    )
