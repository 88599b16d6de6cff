"""Images into the node's containerd, which has no registry to pull them from."""

import json
import subprocess
from collections.abc import Iterable

from manor.local.components import CONTAINERD_SOCKET
from manor.local.errors import ImageError
from manor.local.images import Image
from manor.local.node import Node, write_file
from manor.local.processes import enter


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
            _ctr(node, "images", "import", str(image.archive))
            loaded[image.reference] = image.archive.name
            write_file(record, json.dumps(loaded, indent=2) + "\n")


def _ctr(node: Node, *arguments: str) -> None:
    command = [f"{node.bin}/ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", *arguments]
    done = subprocess.run(enter(node, *command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"`ctr {' '.join(arguments)}` failed on node {node.name!r}:\n{done.stderr.strip()}")
