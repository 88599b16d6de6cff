"""Finds and removes everything that this or an earlier run made, by its label."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from manor.kube import Client, NotFound, UnknownKind
from manor.verify.errors import LeftoverError
from manor.verify.objects import GATEWAY_API, LABELS, MADE_BY
from manor.verify.team import TENANT_LABEL

DESCRIPTION = "kubernetes.io/description"
SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())
LIMIT = 90.0
"""Seconds for the removal of everything."""
KINDS = (
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "PersistentVolumeClaim"),
    ("policy/v1", "PodDisruptionBudget"),
    (GATEWAY_API, "HTTPRoute"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("v1", "Namespace"),
)
"""Every kind that a live check makes."""


async def find(client: Client) -> list[dict[str, Any]]:
    """All that is left, in every namespace."""

    async def of(api_version: str, kind: str) -> list[dict[str, Any]]:
        try:
            return await client.list(api_version, kind, label_selector=SELECTOR)
        except UnknownKind:
            return []

    parts = await asyncio.gather(*(of(*kind) for kind in KINDS))
    spaces = await client.list("v1", "Namespace", label_selector=TENANT_LABEL)
    described = [s for s in spaces if s["metadata"].get("annotations", {}).get(DESCRIPTION) == MADE_BY]
    return [obj for part in (*parts, described) for obj in part]


async def sweep(client: Client) -> None:
    """Deletes it and waits until it is gone. Raises LeftoverError where something stays."""
    end = time.monotonic() + LIMIT
    while left := await find(client):
        if time.monotonic() > end:
            names = ", ".join(f"{obj['kind']} {obj['metadata']['name']}" for obj in left)
            raise LeftoverError(f"after {LIMIT:g} s these are still there: {names}; delete them by hand")
        await asyncio.gather(*(_delete(client, obj) for obj in left if not obj["metadata"].get("deletionTimestamp")))
        await asyncio.sleep(0.5)


async def _delete(client: Client, obj: dict[str, Any]) -> None:
    meta = obj["metadata"]
    with suppress(NotFound):
        await client.delete(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
