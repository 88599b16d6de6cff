"""Released bundles: the node's programs and data in one file, which is checked against a known
SHA-256.

A bundle is a tar archive, compressed by zstd, of `bin/` and `share/` as the cache has them, headed
by a file `pins`: the key of the pins that it was made from.
"""

import contextlib
import hashlib
import http.client
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from manor.limits import limits
from manor.local import parts
from manor.local.errors import BinariesError
from manor.local.progress import Task
from manor.local.store import Store, scratch

_CHUNK = 1 << 20  # bytes


def file_name() -> str:
    """The name of the bundle of these pins."""
    return f"manor-node-{parts.cache_key()}.tar.zst"


def install(source: str, store: Store, task: Task) -> None:
    """Put the parts in a bundle into the store, which the caller has locked. On failure nothing of
    it stays.

    `source` is a file or an http(s) URL, with `#sha256=DIGEST` at its end unless Manor knows the
    release's digest.

    Raises:
        BinariesError: the digest is unknown or another, the bundle cannot be had, or it belongs to
            another version.
    """
    location, digest = _locate(source)
    with scratch(store.root) as workplace:
        if urllib.parse.urlsplit(location).scheme in ("http", "https"):
            file = workplace / "bundle"
            _download(location, file, task)
        else:
            file = Path(location).expanduser()
            if not file.is_file():
                raise BinariesError(f"there is no bundle {file}")
        task.update("checking")
        found = _digest_of(file)
        if found != digest:
            raise BinariesError(
                f"{location} is not the bundle expected: its SHA-256 is {found}, not {digest}"
            )
        task.update("unpacking")
        unpacked = workplace / "unpacked"
        _unpack(file, unpacked)
        _check_pins(unpacked, location)
        _move(unpacked, store)


def pack(store: Store, folder: Path) -> Path:
    """Write the bundle of a complete store, and its SHA-256 beside it, into a folder.

    Raises:
        BinariesError: zstd is not there, or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file_name()
    partial = target.with_suffix(".partial")
    pins = store.root / "pins"
    pins.write_text(parts.cache_key() + "\n")
    known = parts.load()
    names = [f"bin/{name}" for name in known.program_names] + [
        f"share/{name}" for name in known.folder_names
    ]
    options = [
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
        "--mode=u+rwX,go+rX,go-w",
    ]
    # The programs share most of their libraries: a long window finds them again.
    compression = ["--use-compress-program", "zstd -10 -T0 --long=27"]
    command = [
        "tar",
        "--create",
        *options,
        *compression,
        "--file",
        str(partial),
        "--directory",
        str(store.root),
    ]
    done = subprocess.run([*command, "pins", *names], capture_output=True, text=True, check=False)
    if done.returncode:
        partial.unlink(missing_ok=True)
        raise BinariesError(
            f"tar cannot pack the bundle (is zstd installed?):\n{done.stderr.strip()}"
        )
    partial.replace(target)
    target.with_name(f"{target.name}.sha256").write_text(f"{_digest_of(target)}  {target.name}\n")
    return target


def _locate(source: str) -> tuple[str, str]:
    location, marker, digest = source.partition("#sha256=")
    if marker:
        if len(digest) != 64 or set(digest.lower()) - set("0123456789abcdef"):
            raise BinariesError(f"'{digest}' is not a SHA-256: 64 hexadecimal digits")
        return location, digest.lower()
    known = parts.released_digest(PurePosixPath(urllib.parse.urlsplit(location).path).name)
    if known is None:
        raise BinariesError(
            f"{location} is no release that this Manor knows, so it cannot be checked; "
            "if you trust it, give its digest: --bundle 'FILE-OR-URL#sha256=DIGEST'"
        )
    return location, known


def _download(url: str, target: Path, task: Task) -> None:
    """Fetch a file; a connection that breaks is taken up where it broke, a few times."""
    reason: object = None
    for _ in range(limits().local.downloads):
        try:
            if _download_rest(url, target, task):
                return
            reason = "the connection was closed too early"
        except urllib.error.HTTPError as error:
            raise BinariesError(f"{url} cannot be fetched: {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
    raise BinariesError(f"{url} cannot be fetched: {reason}")


def _download_rest(url: str, target: Path, task: Task) -> bool:
    """Fetch what is still missing; whether the file is whole now."""
    begun = target.stat().st_size if target.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=limits().local.download) as answer:  # noqa: S310 - http(s) alone
        # A server that knows no ranges sends all of it again.
        begun = begun if answer.status == 206 else 0
        expected = begun + int(answer.headers.get("Content-Length", 0))
        with target.open("ab" if begun else "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                if file.tell() % (16 * _CHUNK) < len(chunk):
                    task.update(f"fetching {file.tell() >> 20} of {expected >> 20} MiB")
            return file.tell() >= expected


def _digest_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unpack(file: Path, target: Path) -> None:
    """Unpack the regular files of known parts: nothing else in an archive can reach the disk."""
    allowed = [PurePosixPath("bin") / name for name in parts.load().program_names]
    allowed += [PurePosixPath("share") / name for name in parts.load().folder_names]
    with _decompressed(file) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            known = path == PurePosixPath("pins") or any(
                path.is_relative_to(part) for part in allowed
            )
            if member.isdir() or not known:
                continue
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or ".." in path.parts:
                raise BinariesError(
                    f"{file.name} is no bundle of Manor's: {member.name} is not a plain file"
                )
            made = target / path
            made.parent.mkdir(parents=True, exist_ok=True)
            with made.open("wb") as output:
                shutil.copyfileobj(content, output)


@contextlib.contextmanager
def _decompressed(file: Path) -> Iterator[IO[bytes]]:
    command = ["zstd", "--decompress", "--stdout", "--quiet", "--long=27", str(file)]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None  # noqa: S101 - it is piped
            yield process.stdout
    except FileNotFoundError as error:
        raise BinariesError("zstd is not installed: apt-get install zstd") from error
    except tarfile.TarError as error:
        raise BinariesError(f"{file.name} is no bundle of Manor's: {error}") from error


def _check_pins(unpacked: Path, location: str) -> None:
    pins = unpacked / "pins"
    made_for = pins.read_text().strip() if pins.is_file() else "none"
    if made_for != parts.cache_key():
        raise BinariesError(
            f"{location} belongs to another version of Manor: its pins are {made_for}, these are "
            f"{parts.cache_key()}"
        )


def _move(unpacked: Path, store: Store) -> None:
    for name in parts.load().program_names:
        if (unpacked / "bin" / name).is_file():
            store.put_program(name, unpacked / "bin" / name)
    for name in parts.load().folder_names:
        if (unpacked / "share" / name).is_dir():
            store.put_folder(name, unpacked / "share" / name)
