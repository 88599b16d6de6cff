"""Buckets, in which what a container wrote is stored.

Part of programs that run as `python3 -c` in the Platform's fetching image, which brings the
libraries of the stores. The keys are in the environment.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

TRIES = 10
"""How often a request is sent before it has failed: what was computed is worth waiting for."""
CONNECTS = 5
"""Seconds until a server that does not answer is away."""


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
        config = Config(retries=retries, connect_timeout=CONNECTS)
        self._client: Any = boto3.client("s3", config=config)
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
