"""Images of ML systems' controllers for the embedded node, each made of one program compiled from
its pinned source."""

import hashlib
import os
from pathlib import Path

from manor.local import build, parts
from manor.local.errors import BinariesError
from manor.local.images import Image, ensure_program
from manor.local.progress import Report
from manor.local.store import Store, cache_root, filling

ENVIRONMENT_VARIABLE = "MANOR_TOOL_BINARIES"
"""A folder of programs, each named like its Tool, that are used as they are."""


def tool_image(name: str, reference: str, package: str, pins: Path, report: Report) -> Image:
    """The image `reference` of the program that the Go package makes; `pins` is the folder of its
    go.mod and go.sum.

    Raises:
        BinariesError: the program cannot be built.
        ImageError: the image cannot.
    """
    return ensure_program(name, reference, _program(name, package, pins, report), report)


def _program(name: str, package: str, pins: Path, report: Report) -> Path:
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if given and os.access(Path(given).expanduser() / name, os.X_OK):
        return Path(given).expanduser() / name
    if not (pins / "go.sum").is_file():
        raise BinariesError(
            f"{name} has no pins to be built from; put the program {name} into "
            f"${ENVIRONMENT_VARIABLE}"
        )
    digest = hashlib.sha256(f"{name} {package}\n".encode())
    for file in ("go.mod", "go.sum"):
        digest.update((pins / file).read_bytes())
    store = Store(cache_root() / "tools" / f"{name}-{digest.hexdigest()[:16]}")
    with filling(store.root, report):
        if store.lacking([name], [])[0]:
            with report.task(f"{name}, from its source") as task:
                build.compile_program(
                    parts.Program(name=name, module=str(pins), package=package), store, task
                )
    return store.bin / name
