"""Finds and removes everything that this or an earlier run made, by a label that no tenant may write."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from manor.api.wellknown import GATEWAY_API, PROBE_LABEL
from manor.kube import Client, Conflict, NotFound, UnknownKind
from manor.verify.objects import PREFIX

NAMED_OTHERWISE = ("HTTPRoute", "Namespace")
"""Kinds whose objects a tenant must be able to touch, so that their names are no platform's."""
LIMIT = 90.0
"""Seconds for the removal of everything."""
KINDS = (
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    (GATEWAY_API, "HTTPRoute"),
    ("v1", "Namespace"),
)
"""Every kind that a live check stores."""


async def find(client: Client) -> list[dict[str, Any]]:
    """All that is left, in every namespace. The name counts too: what a controller copies a label onto is not ours."""

    async def of(api_version: str, kind: str) -> list[dict[str, Any]]:
        try:
            return await client.list(api_version, kind, label_selector=PROBE_LABEL)
        except UnknownKind:
            return []

    parts = await asyncio.gather(*(of(*kind) for kind in KINDS))
    found = [obj for part in parts for obj in part]
    return [obj for obj in found if obj["kind"] in NAMED_OTHERWISE or obj["metadata"]["name"].startswith(PREFIX)]


async def sweep(client: Client, limit: float = LIMIT) -> list[str]:
    """Deletes it and waits until it is gone; what is still there after `limit` seconds."""
    end = time.monotonic() + limit
    while left := await find(client):
        await asyncio.gather(*(_delete(client, obj) for obj in left if not obj["metadata"].get("deletionTimestamp")))
        if time.monotonic() > end:
            return [f"{obj['kind']} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}" for obj in left]
        await asyncio.sleep(0.5)
    return []


async def _delete(client: Client, obj: dict[str, Any]) -> None:
    meta = obj["metadata"]
    with suppress(NotFound, Conflict):
        await client.delete(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"), uid=meta["uid"])
