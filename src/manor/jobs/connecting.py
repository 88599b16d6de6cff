"""A team's connection to a store: a Secret with the keys that clients of the store read. What it
holds was tried before it is stored, from where it will be used."""

import base64
import json
from importlib import resources
from typing import Any

from manor.api import Platform
from manor.api.workload import connection_type
from manor.engines.pods import KEYS_PATH
from manor.errors import ManorError
from manor.jobs.errands import ErrandFailed, errand, home_of
from manor.jobs.stores import Keys
from manor.kube import STDOUT, Client, Conflict, NotFound, Object
from manor.limits import limits


class NotConnected(ManorError):
    """Nothing is stored; the message says why."""


def connection(name: str, namespace: str, keys: Keys) -> Object:
    """The Secret."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in keys.entries.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": connection_type(keys.scheme),
        "data": data,
    }


async def connect(
    client: Client, name: str, namespace: str, keys: Keys, *, untried: bool = False
) -> list[str]:
    """Store a connection under a name, new or in place of one of that name; what it was seen to
    open.

    Raises NotConnected, and stores nothing, where the store refuses it or is not reached.
    """
    try:
        old = await client.get("v1", "Secret", name, namespace)
    except NotFound:
        old = None
    made = connection(name, namespace, keys)
    if old and old.get("type") != made["type"]:
        raise NotConnected(
            f"Secret {namespace}/{name} is no connection of this kind ({old.get('type')}); choose "
            "another name"
        )
    opened = [] if untried else await _try(client, namespace, keys)
    try:
        await (client.replace({**old, "data": made["data"]}) if old else client.create(made))
    except Conflict:
        raise NotConnected(f"somebody else wrote Secret {namespace}/{name} meanwhile") from None
    return opened


async def _try(client: Client, namespace: str, keys: Keys) -> list[str]:
    platform, tenant = await home_of(client, namespace)
    image = _image(platform)
    question = {
        "scheme": keys.scheme,
        "entries": dict(keys.entries),
        "place": keys.place,
        "folder": KEYS_PATH,
    }
    try:
        async with errand(client, platform, tenant, namespace, image) as pod:
            answer = await _asked(client, namespace, pod, question)
    except ErrandFailed as error:
        why = f"the pod that is to try it {error}; --no-try stores it untried"
        raise NotConnected(why) from None
    if why := answer.get("unreached"):
        raise NotConnected(
            f"the server is not reached from namespace {namespace}: {why}. A closed network is "
            "opened by who administers the platform (network.egress of the Tenant); an authority "
            "of your own is named by --ca-file"
        )
    if why := answer.get("refused"):
        raise NotConnected(f"the server refused it: {why}")
    return list(answer["opened"])


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
                said += data[: limits().kube.answer - len(said)]
            else:
                told = (told + data)[-limits().jobs.block :]
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not answer.keys() & {"opened", "unreached", "refused"}:
        lines = told.decode(errors="replace").strip().splitlines()
        raise NotConnected(f"it could not be tried: {lines[-1] if lines else 'no answer'}")
    return answer
