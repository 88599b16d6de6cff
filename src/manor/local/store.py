"""The cache of the node's parts: each is put in its place whole, or not at all."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from manor.local import parts
from manor.local.progress import Report

_UNFINISHED = ".new-"


def cache_root() -> Path:
    """Where Manor keeps what can be made again: `$XDG_CACHE_HOME/manor`, by default
    `~/.cache/manor`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "manor"


@contextmanager
def filling(folder: Path, report: Report) -> Iterator[None]:
    """Keep other processes from filling a folder of the cache; what an interrupted one has left in
    it is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.note("waiting for another manor, which fills the same cache …")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        for leftover in folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(leftover)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder inside `folder`, on the same file system, removed at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder) as made:
        yield Path(made)


class Store:
    """The parts of one set of pins: programs in `bin`, folders of data in `share`."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = cache_root() / "node" / parts.cache_key() if root is None else root
        self.bin = self.root / "bin"
        self.share = self.root / "share"

    def lacking(
        self, programs: Iterable[str], folders: Iterable[str]
    ) -> tuple[list[str], list[str]]:
        """Which of these programs and folders are not there yet."""
        return (
            [name for name in programs if not (self.bin / name).is_file()],
            [name for name in folders if not (self.share / name).is_dir()],
        )

    def put_program(self, name: str, made: Path) -> None:
        """Move a finished program, made in a scratch folder, to its place."""
        made.chmod(0o755)
        self.bin.mkdir(exist_ok=True)
        made.replace(self.bin / name)

    def put_folder(self, name: str, made: Path) -> None:
        """Move a finished folder, made in a scratch folder, to its place, unless it is there."""
        target = self.share / name
        if not target.exists():
            made.chmod(0o755)
            target.parent.mkdir(parents=True, exist_ok=True)
            made.rename(target)
