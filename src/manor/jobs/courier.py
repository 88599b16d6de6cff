"""Carries files between a volume and whoever runs this in a pod that mounts it.

Runs as `python3 -c`: it has the standard library alone. It reads a question
a line (JSON), and answers with one; the bytes of a file follow what announces them.
"""

import hashlib
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("MANOR_VOLUME", "/volume"))
BLOCK = 1 << 16
"""Bytes that are read at a time."""


def say(**answer: Any) -> None:
    """Answer."""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


def place(path: str) -> Path:
    """Where a path of the volume is here; none leads out of it."""
    return ROOT / os.path.normpath(f"/{path}").lstrip("/")


def digest(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def look(path: str) -> None:
    """What is there: a file, a folder with its files, or nothing."""
    found = place(path)
    if found.is_dir():
        inside = [Path(at) / name for at, _, names in os.walk(found) for name in names]
        files = [str(file.relative_to(found)) for file in sorted(inside) if file.is_file()]
        os.utime(found)
        say(kind="folder", files=files)
    else:
        say(kind="file" if found.is_file() else "none")


def take(path: str, size: int, sha256: str, mode: int) -> None:
    """Write a file, from where an earlier try ended, and only whole under its name."""
    target = place(path)
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder on the volume; name the file in it")
    if target.is_file() and target.stat().st_size == size and digest(target) == sha256:
        say(offset=size, there=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name[:100]}.{sha256[:16]}.part")
    if not part.exists() or part.stat().st_size > size:
        part.write_bytes(b"")
    offset = part.stat().st_size
    say(offset=offset, there=False)
    with part.open("ab") as file:
        while left := size - offset:
            if not (block := sys.stdin.buffer.read(min(left, BLOCK))):
                sys.exit()  # whoever sent is gone; the next try goes on from here
            file.write(block)
            offset += len(block)
    if digest(part) != sha256:
        part.unlink()
        say(error=f"{path} came with other bytes than were sent; send it again")
        return
    part.chmod(mode)
    part.replace(target)
    say(done=True)


def give(path: str, offset: int, sha256: str) -> None:
    """Send a file from `offset` on, where it is still the one of that digest; else all of it."""
    source = place(path)
    now = digest(source)
    begin = offset if now == sha256 else 0
    status = source.stat()
    say(size=status.st_size, offset=begin, sha256=now, mode=status.st_mode & 0o777)
    with source.open("rb") as file:
        file.seek(begin)
        while block := file.read(BLOCK):
            sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file of an archive; it holds no others, and none that leads out of the folder."""
    target = folder / os.path.normpath(f"/{member.name}").lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    source = archive.extractfile(member)
    if source is None:
        raise tarfile.TarError(f"{member.name} is no file")
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(member.mode & 0o777)


def unpack(path: str, folder: str) -> None:
    """Make a folder of a tar file, at once, and remove that."""
    archive, target = place(path), place(folder)
    fresh = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                extract(opened, member, fresh)
        if not target.exists():
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    archive.unlink(missing_ok=True)
    say(done=True)


QUESTIONS: dict[str, Callable[..., None]] = {
    "look": look,
    "take": take,
    "give": give,
    "unpack": unpack,
}


def main() -> None:
    """Answer until nobody asks any more."""
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        try:
            QUESTIONS[asked.pop("ask")](**asked)
        except (OSError, tarfile.TarError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            say(error=f"{asked['path']}: {reason}")
            if asked.get("size"):  # bytes of it may be on their way, which are no question
                sys.exit(1)


if __name__ == "__main__":
    main()
