"""Stores what a worker's command wrote, once the command has ended well.

Runs beside the worker as `python3 -c` in the Platform's fetching image, which brings the libraries
of the stores. The keys are in its environment, and nowhere in the worker's. Arguments: the name of
the output, its folder, and the URI of the place. `start.py` is at the other end of the line.
"""

import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

TRIES = 10
"""How often a request is sent before it has failed: what was computed is worth waiting for."""
TRIED = ".manor"
"""Name of an object that is begun and never made."""


class Store(Protocol):
    """A bucket."""

    def attempt(self, key: str) -> None:
        """Begin to write an object, and leave it: it raises where that is refused."""

    def put(self, objects: Mapping[str, Path]) -> None:
        """Write files as objects, several at once."""


class S3:
    """A bucket of an S3 server, which AWS_ENDPOINT_URL names."""

    def __init__(self, bucket: str) -> None:
        import boto3
        from botocore.config import Config

        retries = {"mode": "standard", "total_max_attempts": TRIES}
        self._client: Any = boto3.client("s3", config=Config(retries=retries))
        self._bucket = bucket

    def attempt(self, key: str) -> None:
        """As an upload in parts, of which none comes."""
        begun = self._client.create_multipart_upload(Bucket=self._bucket, Key=key)
        with suppress(Exception):  # who may write need not have the right to stop
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=begun["UploadId"]
            )

    def put(self, objects: Mapping[str, Path]) -> None:
        """By the library's own queue."""
        from s3transfer.manager import TransferManager

        with TransferManager(self._client) as manager:
            sent = [manager.upload(str(path), self._bucket, key) for key, path in objects.items()]
            for one in sent:
                one.result()


class GCS:
    """A bucket of Google's, as the pod's own account, or as the library is told otherwise."""

    def __init__(self, bucket: str) -> None:
        from google.cloud import storage

        self._bucket: Any = storage.Client().bucket(bucket)

    def attempt(self, key: str) -> None:
        """As an upload that is not gone on with."""
        self._bucket.blob(key).create_resumable_upload_session()

    def put(self, objects: Mapping[str, Path]) -> None:
        """By the library's own queue."""
        from google.cloud.storage import transfer_manager

        pairs = [(str(path), self._bucket.blob(key)) for key, path in objects.items()]
        transfer_manager.upload_many(
            pairs, worker_type=transfer_manager.THREAD, raise_exception=True
        )


STORES: dict[str, Callable[[str], Store]] = {"s3": S3, "gs": GCS}


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
