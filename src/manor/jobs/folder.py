"""The code of a run: the files of a folder, but for those that nobody wants to send."""

import gzip
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pathspec import GitIgnoreSpec
from pydantic import TypeAdapter, ValidationError

from manor.api.workload import FILES_LIMIT, FILES_MOST, FilePath
from manor.errors import ManorError

IGNORE_FILE = ".manorignore"
IGNORED = (
    *(".git/", ".venv/", "venv/", "__pycache__/", "*.pyc", ".ipynb_checkpoints/", ".*_cache/"),
    *(".env", IGNORE_FILE, ".gitignore"),
)
"""What is left out unless the folder's own list takes it back (`!name`). A `.env` holds secrets."""

_PATH: TypeAdapter[str] = TypeAdapter(FilePath)


class CodeError(ManorError):
    """The folder cannot be sent as it is; the message says what to do."""


class NotInline(ManorError):
    """The folder cannot be part of the TrainingJob; the message says why."""


@dataclass(frozen=True)
class File:
    """One file of the folder."""

    path: str
    """Below the folder, with slashes."""
    source: Path
    size: int
    """In bytes."""
    executable: bool


@dataclass(frozen=True)
class Archive:
    """All files in one, the same bytes for the same files."""

    file: IO[bytes]
    digest: str
    """SHA-256, in hex."""
    size: int
    """In bytes."""


def files_of(folder: Path) -> list[File]:
    """The files that go along, in the order of their paths: what `.manorignore` does not name, or
    `.gitignore` where there is none. CodeError."""
    if not folder.is_dir():
        raise CodeError(f"{folder}: no such folder")
    ignored = _ignored(folder)
    found: list[File] = []
    for place, folders, names in os.walk(folder):
        below = Path(place).relative_to(folder)
        folders[:] = [
            name for name in folders if not ignored.match_file(f"{(below / name).as_posix()}/")
        ]
        if links := [name for name in folders if (Path(place) / name).is_symlink()]:
            message = "is a link to a folder; name it in .manorignore, or copy what it leads to"
            raise CodeError(f"{Path(place) / links[0]} {message}")
        found += _files(folder, below, [n for n in names if not _is(ignored, below / n)])
    return sorted(found, key=lambda file: file.path)


def _files(folder: Path, below: Path, names: Sequence[str]) -> Iterator[File]:
    for name in names:
        source = folder / below / name
        if leads_out(source, folder):
            message = "is a link that leads out of the folder; name it in .manorignore, or copy it"
            raise CodeError(f"{source} {message}")
        if not source.is_file():
            raise CodeError(f"{source} is no file that can be sent; name it in .manorignore")
        status = source.stat()
        path = (below / name).as_posix()
        yield File(path, source, status.st_size, bool(status.st_mode & 0o100))


def leads_out(path: Path, folder: Path) -> bool:
    """Whether it is a link to what is not in the folder: whoever made the folder, which may be
    somebody else's repository, would say which other files of this machine are sent."""
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def _is(ignored: GitIgnoreSpec, path: Path) -> bool:
    return ignored.match_file(path.as_posix())


def _ignored(folder: Path) -> GitIgnoreSpec:
    for name in (IGNORE_FILE, ".gitignore"):
        if (file := folder / name).is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            return GitIgnoreSpec.from_lines([*IGNORED, *lines])
    return GitIgnoreSpec.from_lines(IGNORED)


def as_texts(files: Sequence[File]) -> dict[str, str]:
    """The files as a TrainingJob's `files`. Raises NotInline with what keeps them from it."""
    if len(files) > FILES_MOST:
        raise NotInline(f"{len(files)} files are more than the {FILES_MOST} of a ConfigMap")
    if (size := sum(file.size for file in files)) > FILES_LIMIT:
        raise NotInline(f"{size} bytes are more than the {FILES_LIMIT} of a ConfigMap")
    texts: dict[str, str] = {}
    for file in files:
        try:
            _PATH.validate_python(file.path)
            texts[file.path] = file.source.read_bytes().decode()
        except UnicodeDecodeError:
            raise NotInline(f"{file.path!r} is no text, as a ConfigMap holds it") from None
        except ValidationError:
            raise NotInline(f"{file.path!r} has a name that no ConfigMap takes") from None
        if file.executable and not file.path.endswith(".py"):
            raise NotInline(f"{file.path!r} is to be executed, and a ConfigMap holds text")
    return texts


@contextmanager
def packed(files: Sequence[File]) -> Iterator[Archive]:
    """The files as a tar file, compressed, while the block runs."""
    with tempfile.TemporaryFile() as file:
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=1, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for one in files:
                with one.source.open("rb") as source:
                    info = tarfile.TarInfo(one.path)
                    info.size, info.mode = one.size, 0o755 if one.executable else 0o644
                    try:
                        archive.addfile(info, source)
                    except OSError as error:
                        message = f"{error.strerror or error}; it is to stay as it is meanwhile"
                        raise CodeError(f"{one.source} cannot be sent: {message}") from None
        size = file.tell()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        yield Archive(file, digest, size)
