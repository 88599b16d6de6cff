"""A team's connection to a store: a Secret whose keys are the environment that clients of the store
read. What it holds was tried before it is stored, from where it will be used."""

import base64
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from manor.api import Platform
from manor.api.wellknown import GROUP
from manor.errors import ManorError
from manor.jobs.errands import ErrandFailed, errand, home_of
from manor.kube import STDOUT, Client, Conflict, NotFound, Object

S3 = f"{GROUP}/s3"
"""Type of the Secret of a connection to an S3 server."""


class NotConnected(ManorError):
    """Nothing is stored; the message says why."""


def s3_environment(
    access_key_id: str, secret_access_key: str, endpoint: str = "", region: str = ""
) -> dict[str, str]:
    """What clients of S3 read (boto3's names)."""
    said = {
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": region or ("us-east-1" if endpoint else ""),
    }
    return {key: value for key, value in said.items() if value}


def connection(name: str, namespace: str, env: Mapping[str, str]) -> Object:
    """The Secret."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in env.items()}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": S3, "data": data}


async def connect(
    client: Client,
    name: str,
    namespace: str,
    env: Mapping[str, str],
    bucket: str = "",
    *,
    untried: bool = False,
) -> list[str]:
    """Store a connection to an S3 server under a name, new or in place of one of that name; the
    buckets that it was seen to open.

    Raises NotConnected, and stores nothing, where the server refuses it.
    """
    try:
        old = await client.get("v1", "Secret", name, namespace)
    except NotFound:
        old = None
    if old and old.get("type") != S3:
        raise NotConnected(
            f"Secret {namespace}/{name} is no connection of this kind ({old.get('type')}); choose "
            "another name"
        )
    opened = [] if untried else await _try(client, namespace, env, bucket)
    made = connection(name, namespace, env)
    try:
        await (client.replace({**old, "data": made["data"]}) if old else client.create(made))
    except Conflict:
        raise NotConnected(f"somebody else wrote Secret {namespace}/{name} meanwhile") from None
    return opened


async def _try(client: Client, namespace: str, env: Mapping[str, str], bucket: str) -> list[str]:
    platform, tenant = await home_of(client, namespace)
    image = _image(platform)
    try:
        async with errand(client, platform, tenant, namespace, image) as pod:
            answer = await _asked(client, namespace, pod, {"env": dict(env), "bucket": bucket})
    except ErrandFailed as error:
        why = f"the pod that is to try it {error}; --no-try stores it untried"
        raise NotConnected(why) from None
    if why := answer.get("error"):
        raise NotConnected(f"the server refused it: {why}")
    return list(answer["buckets"])


def _image(platform: Platform) -> str:
    if platform.spec.images.fetching is None:
        raise NotConnected(
            "the Platform has no image that could try it (spec.images.fetching); --no-try stores "
            "it untried"
        )
    return platform.spec.images.fetching


async def _asked(client: Client, namespace: str, pod: str, question: Object) -> Any:
    program = resources.files("manor.jobs").joinpath("trial.py").read_text(encoding="utf-8")
    said, told = b"", b""
    async with client.start(namespace, pod, ["python3", "-c", program]) as process:
        await process.write(json.dumps(question).encode() + b"\n")
        async for channel, data in process:
            if channel == STDOUT:
                said += data
            else:
                told += data
    if not said:
        lines = told.decode(errors="replace").strip().splitlines()
        raise NotConnected(f"it could not be tried: {lines[-1] if lines else 'no answer'}")
    return json.loads(said)
