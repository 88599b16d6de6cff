"""Carries files between a volume and whoever runs this in a pod that mounts it.

Runs as `python3 -c`: it has the standard library alone. It reads a question
a line (JSON), and answers with one; the bytes of a file follow what announces them.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

ROOT = Path(os.environ.get("MANOR_VOLUME", "/volume"))
BLOCK = 1 << 16
"""Bytes that are read at a time."""
PAUSE, PATIENCE = 0.25, 240
"""Seconds between two looks at whether somebody else still sends the same, and how many there
are."""


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
    with part.open("ab") as file:
        if not locked(file):
            raise BlockingIOError(errno.EAGAIN, "somebody else sends the same now; try again")
        if not part.exists():  # whoever sent the same has ended meanwhile
            return take(path, size, sha256, mode)
        if file.tell() > size:
            file.truncate(0)
        offset = part.stat().st_size
        say(offset=offset, there=False)
        while left := size - offset:
            if not (block := sys.stdin.buffer.read(min(left, BLOCK))):
                sys.exit()  # whoever sent is gone; the next try goes on from here
            file.write(block)
            offset += len(block)
        file.flush()
        if digest(part) != sha256:
            part.unlink()
            say(error=f"{path} came with other bytes than were sent; send it again")
            return
        part.chmod(mode)
        part.replace(target)
    say(done=True)


def locked(file: IO[bytes]) -> bool:
    """Whether a file is ours to write, once nobody else writes it or within a minute."""
    for _ in range(PATIENCE):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(PAUSE)
    return False


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
    fresh = target.with_name(f".{target.name}.{os.urandom(8).hex()}")
    try:
        if not target.exists():
            with tarfile.open(archive) as opened:
                for member in opened:
                    extract(opened, member, fresh)
            fresh.rename(target)
    except OSError:
        if not target.exists():  # nobody else has made it of the same archive meanwhile
            raise
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
