"""Stores the requests that a model was asked, with its answers.

Runs beside the model's server as `python3 -c`, with `buckets.py` before it. Envoy, through which
the requests go, writes a file for each into memory, and never waits for what becomes of it. They
are packed into files on the node's disk, of one JSON object a line, and these stored. While they
cannot be, they are kept up to a bound; then the oldest go. What it is told is JSON in REQUEST_LOG.
"""

import base64
import codecs
import gzip
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from manor.engines.buckets import STORES, Store

PAUSE = 1.0
"""Seconds between two looks; a file as old as this is whole."""
EVERY = 60.0
"""Seconds that a request waits for others at the most."""
BATCH = 16 << 20
"""Bytes of requests that are packed at once."""
MOST = 160 << 20
"""Bytes that wait for their store."""
LARGEST = 64 << 10
"""Bytes of a body, as Envoy has them at the most."""
AGAIN = "requests are stored again"
"""What is said last where nothing is wrong any more."""
FAREWELL = 15.0
"""Seconds in which what is left is stored when the pod ends."""


class Volume:
    """A folder of a volume."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def put(self, objects: Mapping[str, Path]) -> None:
        """Each is there whole, or not at all."""
        for name, path in objects.items():
            place = self._folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            begun = place.with_name(f".{place.name}")
            shutil.copyfile(path, begun)
            begun.rename(place)


def body(message: dict[str, Any], heads: dict[str, str]) -> dict[str, Any]:
    """What was sent, as text where it is text."""
    held = message.get("body") or {}
    data, cut = base64.b64decode(held.get("as_bytes") or ""), bool(held.get("truncated"))
    if heads.get("content-encoding") in ("gzip", "deflate"):
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
        with suppress(zlib.error):
            data = unpacking.decompress(data, LARGEST)
            cut = cut or not unpacking.eof
    said = {"type": heads.get("content-type", ""), "truncated": cut}
    try:
        # A character that was cut in half is left out.
        text = codecs.getincrementaldecoder("utf-8")().decode(data, final=not cut)
    except UnicodeDecodeError:
        return {**said, "base64": base64.b64encode(data).decode()}
    return {**said, "body": text}


def headers(message: dict[str, Any]) -> dict[str, str]:
    """They are looked up, and never written down as a whole: some are keys."""
    return {head["key"]: head["value"] for head in message.get("headers") or ()}


def record(tapped: bytes, told: dict[str, str]) -> dict[str, Any]:
    """What is kept of a request. It raises where the file is not whole."""
    trace = json.loads(tapped)["http_buffered_trace"]
    asked, answered = trace["request"], trace.get("response") or {}
    heads, answer = headers(asked), headers(answered)
    begun, began = asked["headers_received_time"], answered.get("headers_received_time")
    spent = began and datetime.fromisoformat(began) - datetime.fromisoformat(begun)
    return {
        "time": begun,
        **told,
        "key": heads.get("x-manor-key", ""),
        "method": heads[":method"],
        "path": heads[":path"].partition("?")[0],  # a query may hold a secret
        "status": int(answer.get(":status", 0)),
        "milliseconds": spent and round(spent.total_seconds() * 1000, 3),
        "request": body(asked, heads),
        "response": body(answered, answer),
    }


class Said:
    """Tells what is wrong once, however often it is seen."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, what: str) -> None:
        """Nothing is wrong where nothing is said."""
        if what != self._last:
            print(what or AGAIN, flush=True)
        self._last = what


class Spool:
    """The files of Envoy, and what was packed of them."""

    def __init__(self, tapped: Path, packed: Path, told: dict[str, str]) -> None:
        self._tapped, self._packed, self._told = tapped, packed, told

    def whole(self, now: float) -> tuple[list[Path], bool]:
        """The files that are whole by now, the oldest first, and whether it is time to pack
        them."""
        found, size = list[tuple[float, Path]](), 0
        for path in self._tapped.iterdir():
            stat = path.stat()
            if stat.st_mtime <= now - PAUSE:
                found.append((stat.st_mtime, path))
                size += stat.st_size
        found.sort()
        return [path for _, path in found], bool(found) and (
            size >= BATCH or found[0][0] <= now - EVERY
        )

    def pack(self, paths: list[Path]) -> None:
        """Make one file of them; what is begun and not whole is begun anew."""
        for begun in self._packed.glob(".*"):
            begun.unlink()
        if not paths:
            return
        moment, lost = datetime.now(UTC), 0
        name = f"{moment:%Y-%m-%d}_{moment:%H%M%S.%f}-{socket.gethostname()}.jsonl.gz"
        begun = self._packed / f".{name}"
        with gzip.open(begun, "wt", encoding="utf-8", errors="replace") as out:
            for path in paths:
                try:
                    line = json.dumps(record(path.read_bytes(), self._told), ensure_ascii=False)
                except Exception:  # whatever is in the file, the others are packed
                    lost += 1
                else:
                    out.write(f"{line}\n")
        begun.rename(self._packed / name)
        for path in paths:
            path.unlink()
        if lost:
            print(f"{lost} requests are lost: there was no room for them", flush=True)

    def waiting(self) -> list[Path]:
        """What is packed and not stored, the oldest first."""
        return sorted(self._packed.glob("[!.]*"))

    def bound(self) -> None:
        """Let the oldest go where there is too much."""
        sizes = dict[Path, int]()
        for path in self.waiting():
            with suppress(FileNotFoundError):  # it was stored meanwhile
                sizes[path] = path.stat().st_size
        over = sum(sizes.values()) - MOST
        for path, size in sizes.items():
            if over <= 0:
                return
            over -= size
            path.unlink(missing_ok=True)
            print(f"{path.name} is lost: what waits for its store was too much", flush=True)


class Keeper(threading.Thread):
    """Stores what is packed, however long that takes."""

    def __init__(self, spool: Spool, uri: str, mounted: str) -> None:
        super().__init__(daemon=True)
        self._spool, self._uri, self._mounted = spool, uri, mounted
        self.ending = threading.Event()

    def run(self) -> None:
        """Until there is nothing left at the end."""
        store: Store | Volume | None = None
        said = Said()
        while not self.ending.wait(PAUSE) or self._spool.waiting():
            try:
                store = store or self._opened()
                for path in self._spool.waiting():
                    with suppress(FileNotFoundError):  # it was let go meanwhile
                        store.put({self._object(path): path})
                        path.unlink()
            except Exception as error:  # whatever the libraries of the stores raise
                said(f"{self._uri} cannot be stored, and requests wait: {error}")
            else:
                said("")

    def _opened(self) -> Store | Volume:
        if self._mounted:
            return Volume(self._mounted)
        scheme, _, place = self._uri.partition("://")
        return STORES[scheme](place.partition("/")[0])

    def _object(self, path: Path) -> str:
        """Below the place, in a folder for each day."""
        name = "/".join(path.name.split("_", 1))
        if self._mounted:
            return name
        prefix = self._uri.partition("://")[2].partition("/")[2].rstrip("/")
        return f"{prefix}/{name}".lstrip("/")


def rounds(ending: threading.Event) -> Iterator[bool]:
    """A look each second, and a last one at the end."""
    while not ending.wait(PAUSE):
        yield False
    yield True


def main() -> None:
    """Until the pod ends."""
    log = json.loads(os.environ["REQUEST_LOG"])
    uri, ending = log["uri"], threading.Event()
    said, spool = Said(), Spool(Path(sys.argv[1]), Path(sys.argv[2]), log["told"])
    keeper = Keeper(spool, uri, log["mounted"])
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    keeper.start()
    for last in rounds(ending):
        try:
            paths, due = spool.whole(float("inf") if last else time.time())
            spool.pack(paths if due or last else [])
            spool.bound()
        except OSError as error:
            said(f"requests wait: {error}")
        else:
            said("")
    keeper.ending.set()
    keeper.join(FAREWELL)
    if left := len(spool.waiting()):
        sys.exit(f"{left} files of requests are lost: {uri} cannot be stored")


if __name__ == "__main__":
    main()
