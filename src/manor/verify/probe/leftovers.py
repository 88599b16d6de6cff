"""Finds and removes everything that this or an earlier run made, by a label that no tenant may
write."""

import asyncio
import operator
from contextlib import suppress
from functools import partial
from typing import Any

from manor.api.wellknown import ENVOY_API, GATEWAY_API, PROBE_LABEL
from manor.kube import Client, Conflict, NotFound, UnknownKind
from manor.limits import limits
from manor.polling import poll_until
from manor.verify.objects import PREFIX

NAMED_OTHERWISE = ("HTTPRoute", "Namespace")
"""Kinds whose objects a tenant must be able to touch, so that their names are no platform's."""
KINDS = (
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    (GATEWAY_API, "HTTPRoute"),
    (ENVOY_API, "SecurityPolicy"),
    (ENVOY_API, "BackendTrafficPolicy"),
    ("v1", "Namespace"),
)
"""Every kind that a live check stores."""


async def find(client: Client) -> list[dict[str, Any]]:
    """All that is left, in every namespace. The name counts too: what a controller copies a label
    onto is not ours."""

    async def of(api_version: str, kind: str) -> list[dict[str, Any]]:
        try:
            return await client.list(api_version, kind, labels={PROBE_LABEL: None})
        except UnknownKind:
            return []

    parts = await asyncio.gather(*(of(*kind) for kind in KINDS))
    found = [obj for part in parts for obj in part]
    return [
        obj
        for obj in found
        if obj["kind"] in NAMED_OTHERWISE or obj["metadata"]["name"].startswith(PREFIX)
    ]


async def sweep(client: Client) -> list[str]:
    """Deletes it and waits until it is gone; what is still there when the time is over."""
    bounds = limits().verify
    left = await poll_until(
        operator.not_, partial(_remove, client), timeout=bounds.removed, interval=bounds.poll
    )
    return [
        f"{obj['kind']} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
        for obj in left
    ]


async def _remove(client: Client) -> list[dict[str, Any]]:
    """Deletes what is left, and says what that was."""
    left = await find(client)
    await asyncio.gather(
        *(_delete(client, obj) for obj in left if not obj["metadata"].get("deletionTimestamp"))
    )
    return left


async def _delete(client: Client, obj: dict[str, Any]) -> None:
    meta = obj["metadata"]
    with suppress(NotFound, Conflict):
        await client.delete(
            obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"), uid=meta["uid"]
        )
