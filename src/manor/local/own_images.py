"""Images that people build for the node, of a folder of theirs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from manor.local import containerfile, containers, images, pip_settings
from manor.local.binaries import Bundle
from manor.local.buildah import Buildah
from manor.local.errors import ImageError
from manor.local.node import Node
from manor.local.processes import supervisor_pid
from manor.local.progress import Report
from manor.local.store import cache_root, filling, scratch


@dataclass(frozen=True)
class Source:
    """What an image is built of."""

    folder: Path
    file: Path | None = None
    """Its Containerfile; the folder's own if absent."""
    base: str = ""
    """What the folder's requirements are installed into, where there is no Containerfile; the
    training image if empty."""


def build_image(node: Node, source: Source, name: str, report: Report) -> str:
    """Build an image and load it into the node; its name, as pods give it. What fails leaves
    nothing behind.

    Raises:
        ImageError: there is nothing to build of, a base is not there, a command of the build fails.
        NodeNotRunning: the node cannot take it.
    """
    if node.api_only:
        raise ImageError(f"node {node.name!r} is an API server alone, which runs no image")
    supervisor_pid(node)
    made = images.references()
    repository, tag = containerfile.parse_name(name, {each.partition(":")[0] for each in made})
    text = containerfile.find(source.folder, source.file, source.base)
    place = cache_root() / "builds"
    with filling(place, report), scratch(place) as workplace:
        builder = Buildah(workplace)
        _add_bases(node, text, made, builder, workplace, report)
        identity = _build(source.folder, text, builder, workplace)
        reference = f"{repository}:{tag or identity[:12]}"
        with report.task(f"load {reference}"):
            archive = workplace / "image.tar"
            builder.save(identity, archive, reference)
            containers.load_archive(node, archive)
    return reference


def _add_bases(
    node: Node,
    text: str,
    made: Mapping[str, str],
    builder: Buildah,
    workplace: Path,
    report: Report,
) -> None:
    """Give the builder what the Containerfile names of Manor's images and of the node's."""
    held = containers.names_on(node)
    if unknown := containerfile.unknown_in(text, [*made, *held]):
        raise ImageError(
            f"there is no image {unknown[0]}: node {node.name!r} has none of that name, and Manor "
            f"makes {', '.join(made)}"
        )
    recipes = containerfile.named_in(text, made)
    bundle = Bundle(Path(node.bin), Path(node.share))
    ready = images.ensure([made[name] for name in recipes], bundle=bundle, report=report)
    for image in ready.values():
        with report.task(f"unpack {image.reference}"):
            builder.add(image.archive, image.reference)
    for name in containerfile.named_in(text, [each for each in held if each not in made]):
        with report.task(f"unpack {name}"):
            archive = workplace / "base.tar"
            containers.save_image(node, name, archive)
            builder.add(archive, name)


def _build(folder: Path, text: str, builder: Buildah, workplace: Path) -> str:
    # Not where they are here: a command that writes there (update-ca-certificates) would fail.
    settings, mounts = pip_settings.moved(pip_settings.read(), "/run/manor")
    configuration, file = workplace / "pip.conf", workplace / "Containerfile"
    configuration.write_text(pip_settings.as_file(settings))
    file.write_text(text)
    mounts += [(pip_settings.location(), containerfile.PIP), (configuration, "/etc/pip.conf")]
    try:
        return builder.build_of(folder, file, mounts)
    except ImageError as error:
        raise ImageError(f"no image is made of {folder}: {error}{hint(text)}") from None


def hint(text: str) -> str:
    """What the one who wrote the Containerfile may not have known of Manor's images."""
    made = images.references()
    bare = [
        name for name in containerfile.named_in(text, made) if made[name] not in images.WITH_SHELL
    ]
    line = containerfile.first_for_a_shell(text)
    if not (bare and line):
        return ""
    form = 'RUN ["python3", "-m", "pip", "install", …]'
    return f"\n{bare[0]} has no shell, which {line!r} needs: write {form}"
