"""Tries keys at a store, from where they will be used.

Runs as `python3 -c` in a pod of the Platform's fetching image, which brings the clients of the
stores. It reads a connection and a place from its input as JSON, so that no key is in a command
line, and answers in one line of JSON.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECONDS = 10
"""Until a server that does not answer is given up."""
UNREACHED = {"ConnectionError", "TransportError", "Timeout"}
"""What the clients' errors of a server that is not reached derive from: botocore's, requests' and
Python's; google-auth's and httpx's; requests' again."""


def s3(bucket: str) -> list[str]:
    """The bucket, or the names of those that the keys may list."""
    import boto3
    from botocore.config import Config

    once = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 1})
    client: Any = boto3.client("s3", config=once)
    if bucket:
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        return [bucket]
    return [each["Name"] for each in client.list_buckets().get("Buckets", [])]


def gs(bucket: str) -> list[str]:
    """The bucket, or the names of those of the key's project."""
    from google.cloud import storage

    client: Any = storage.Client()
    once = {"retry": None, "timeout": SECONDS}
    if bucket:
        list(client.list_blobs(bucket, max_results=1, **once))
        return [bucket]
    return [each.name for each in client.list_buckets(**once)]


def hf(repository: str) -> list[str]:
    """The repository; any that the token may read where none is named."""
    from huggingface_hub import HfApi

    if repository:
        HfApi().auth_check(repository)
        return [repository]
    HfApi().whoami()
    return []


def https(url: str) -> list[str]:
    """What is at the URL, of which nothing is read."""
    import requests

    headers = json.loads(os.environ[f"{urlsplit(url).hostname}-headers"])

    def stay(answer: Any, **_: Any) -> None:
        # Of all headers requests keeps Authorization alone from another host.
        to, here = urlsplit(answer.headers.get("location", "")), urlsplit(url)
        elsewhere = (to.scheme or "https", to.hostname or here.hostname) != ("https", here.hostname)
        if answer.is_redirect and elsewhere and {*headers} - {"Authorization"}:
            raise PermissionError(
                f"it redirects to {to.hostname}, which would get the header too; name that URL, or "
                "use a bearer token"
            )

    hooks = {"response": stay}
    with requests.get(url, headers=headers, stream=True, timeout=SECONDS, hooks=hooks) as answer:
        answer.raise_for_status()
    return [url]


STORES: dict[str, Callable[[str], list[str]]] = {"s3": s3, "gs": gs, "hf": hf, "https": https}


def equip(entries: dict[str, str], folder: str) -> None:
    """Have the entries as what fetches has them: as variables, and as files of a folder that some
    variables name."""
    here = tempfile.mkdtemp()
    for name, value in entries.items():
        Path(here, name).write_text(value, encoding="utf-8")
        at_folder = value.startswith(f"{folder}/")
        os.environ[name] = here + value.removeprefix(folder) if at_folder else value


def tried(scheme: str, place: str) -> dict[str, Any]:
    """What the entries open there, or why they do not."""
    try:
        return {"opened": STORES[scheme](place)}
    except Exception as error:  # whatever the clients of the stores raise
        why = " ".join(str(error).split()) or type(error).__name__
        known = {each.__name__ for each in type(error).__mro__}
        return {"unreached" if known & UNREACHED else "refused": why}


if __name__ == "__main__":
    asked = json.loads(sys.stdin.readline())
    equip(asked["entries"], asked["folder"])
    print(json.dumps(tried(asked["scheme"], asked["place"])), flush=True)
