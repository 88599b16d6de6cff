"""Stores what a worker's command wrote, once the command has ended well.

Runs beside the worker as `python3 -c`, with `buckets.py` before it. The keys are in its
environment, and nowhere in the worker's. Arguments: the name of the output, its folder, and the URI
of the place. `start.py` is at the other end of the line.
"""

import socket
import sys
from pathlib import Path

from manor.engines.buckets import STORES, Store

TRIED = ".manor"
"""Name of an object that is begun and never made."""


def objects_of(folder: Path, prefix: str) -> dict[str, Path]:
    """The files of a folder by the names of their objects; a link may lead anywhere, and is left
    out."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    start = f"{prefix.rstrip('/')}/" if prefix else ""
    return {start + path.relative_to(folder).as_posix(): path for path in paths}


def main() -> None:
    """The last line that is printed is what the pod's status shows of a failure."""
    name, folder, uri = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    scheme, _, place = uri.partition("://")
    bucket, _, prefix = place.partition("/")
    refused = ""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0manor.dev/{name}")
        server.listen(1)
        try:
            store: Store = STORES[scheme](bucket)
            store.attempt(f"{prefix}/{TRIED}".lstrip("/"))
        except Exception as error:  # whatever the libraries of the stores raise
            refused = f"{uri} cannot be stored: {error}"
        line, _ = server.accept()
    with line:
        line.sendall((refused or "1").encode())
        if refused:
            sys.exit(refused)
        if not line.recv(1):
            print("the command did not end well: nothing is stored", flush=True)
            return
    objects = objects_of(folder, prefix)
    print(f"storing {folder} at {uri}: {len(objects)} files", flush=True)
    try:
        store.put(objects)
    except Exception as error:  # as above
        sys.exit(f"{uri} cannot be stored: {error}")
    print("stored", flush=True)


if __name__ == "__main__":
    main()
