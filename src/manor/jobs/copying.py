"""Files and folders of this machine onto a volume of a team, and off it."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manor.jobs.carrying import CarryFailed, Courier, Found, Moved, Parcel, Van, unmoved, van
from manor.jobs.errands import home_of
from manor.jobs.folder import leads_out
from manor.kube import Client


@dataclass(frozen=True)
class Place:
    """A path on a volume, written as VOLUME:/PATH."""

    volume: str
    path: str

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """What is written so; None of a path of this machine."""
        volume, colon, path = text.partition(":")
        if not colon or not volume or "/" in volume or not path.startswith("/"):
            return None
        return cls(volume, path)


@dataclass(frozen=True)
class Copied:
    """What was copied."""

    files: int
    bytes: int


async def copy(
    client: Client, source: str, target: str, namespace: str, moved: Moved = unmoved
) -> Copied:
    """Copy a file, or the files of a folder, one of the two being on a volume (VOLUME:/PATH).

    What is there already with the same bytes is left as it is; what an earlier try began goes on.
    CarryFailed and ErrandFailed say what cannot be.
    """
    off, onto = Place.read(source), Place.read(target)
    if (off is None) == (onto is None):
        raise CarryFailed("name one file or folder of this machine, and one VOLUME:/PATH")
    here = Path(target if off else source)
    there = off or onto
    assert there is not None  # noqa: S101 - one of them is
    home = await home_of(client, namespace)
    async with van(client, *home, namespace, there.volume) as carrier:
        if off:
            return await _fetch(carrier, there.path, here, moved)
        return await _send(carrier, here, there.path, moved)


async def _send(carrier: Van, source: Path, path: str, moved: Moved) -> Copied:
    work = list(_sent(source, path))

    async def send(courier: Courier, item: tuple[Path, str]) -> None:
        file, to = item
        with file.open("rb") as opened:
            digest = await asyncio.to_thread(hashlib.file_digest, opened, "sha256")
            status = file.stat()
            mode = 0o755 if status.st_mode & 0o100 else 0o644
            parcel = Parcel(to, opened, status.st_size, digest.hexdigest(), mode)
            await courier.send(parcel, moved)

    await carrier.each(work, send)
    return Copied(len(work), sum(file.stat().st_size for file, _ in work))


def _sent(source: Path, path: str) -> Iterator[tuple[Path, str]]:
    """The files of `source`, each with where it goes. CarryFailed where there is none."""
    if not source.exists():
        raise CarryFailed(f"{source}: no such file or folder")
    if source.is_file():
        yield source, f"{path}{source.name}" if path.endswith("/") else path
        return
    for file in sorted(source.rglob("*")):
        if file.is_symlink() and (not file.is_file() or leads_out(file, source)):
            message = "is a link to no file of this folder; copy what it leads to by itself"
            raise CarryFailed(f"{file} {message}")
        if file.is_file():
            yield file, f"{path.rstrip('/')}/{file.relative_to(source).as_posix()}"


async def _fetch(carrier: Van, path: str, target: Path, moved: Moved) -> Copied:
    async with carrier.courier() as courier:
        found = await courier.look(path)
    work = list(_fetched(found, path, target))

    async def fetch(courier: Courier, item: tuple[str, Path]) -> None:
        from_, to = item
        to.parent.mkdir(parents=True, exist_ok=True)
        await courier.fetch(from_, to, moved)

    await carrier.each(work, fetch)
    return Copied(len(work), sum(to.stat().st_size for _, to in work))


def _fetched(found: Found, path: str, target: Path) -> Iterator[tuple[str, Path]]:
    """The files at `path`, where `found` is, each with where it goes. CarryFailed where there is
    none."""
    match found.kind:
        case "none":
            raise CarryFailed(f"{path}: there is no such file or folder on the volume")
        case "file":
            yield path, target / path.rpartition("/")[2] if target.is_dir() else target
        case _:
            for file in found.files:
                yield f"{path.rstrip('/')}/{file}", target / file
