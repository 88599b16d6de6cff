"""Somebody changes and deletes what an operator keeps: how long until each thing is right again."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from manor.api.wellknown import NETWORKING_API, QUOTA, RBAC_API
from manor.kube import Client, Object

RATE = 10.0
"""Changes a second."""
LONGEST = 120.0
"""Seconds after which what is not right yet counts as never put right."""
_NARROW = {"spec": {"hard": {"requests.cpu": "77"}}}
_OPEN: dict[str, Any] = {"spec": {"ingress": [{}]}}
HURTS: Sequence[tuple[str, str, str, dict[str, Any] | None]] = (
    (NETWORKING_API, "NetworkPolicy", "manor-default-deny", None),
    (NETWORKING_API, "NetworkPolicy", "manor-same-tenant", _OPEN),
    (RBAC_API, "RoleBinding", "manor-editors", None),
    ("v1", "ResourceQuota", QUOTA, _NARROW),
)
"""Objects in a tenant's namespace, each with a change; None deletes it."""


class _Repairs:
    """The moments at which objects were right again."""

    def __init__(self) -> None:
        self.wanted: dict[tuple[str, str, str], Object] = {}
        self.right: dict[tuple[str, str, str], float] = {}
        self.news = asyncio.Event()

    async def follow(self, client: Client, api_version: str, kind: str) -> None:
        async for event in client.watch(api_version, kind, timeout=LONGEST * 2):
            obj = event.object
            meta = obj["metadata"]
            key = (kind, meta.get("namespace", ""), meta.get("name", ""))
            wanted = self.wanted.get(key)
            if event.type in ("ADDED", "MODIFIED") and wanted and _is_right(obj, wanted):
                self.right.setdefault(key, time.monotonic())
                self.news.set()

    async def all(self) -> None:
        while self.wanted.keys() - self.right.keys():
            self.news.clear()
            await self.news.wait()


def _is_right(obj: Object, wanted: Object) -> bool:
    """Whether it says again what it said, by a later write than ours."""
    later = int(obj["metadata"]["resourceVersion"]) > int(wanted["metadata"]["resourceVersion"])
    return later and all(obj.get(field) == wanted.get(field) for field in _says(wanted))


def _says(obj: Object) -> set[str]:
    return obj.keys() - {"metadata", "status", "apiVersion", "kind"}


async def put_right(client: Client, namespaces: Sequence[str]) -> list[float]:
    """One object of each namespace is hurt, RATE a second; the seconds until each was as before."""
    repairs = _Repairs()
    moments: dict[tuple[str, str, str], float] = {}

    async def hurt(number: int, namespace: str) -> None:
        api_version, kind, name, change = HURTS[number % len(HURTS)]
        before = await client.get(api_version, kind, name, namespace)
        key = (kind, namespace, name)
        repairs.wanted[key] = before
        if change is None:
            await client.delete(api_version, kind, name, namespace)
        else:
            await client.patch(api_version, kind, name, change, namespace=namespace)
        moments[key] = time.monotonic()

    kinds = {(api_version, kind) for api_version, kind, *_ in HURTS}
    watches = [asyncio.create_task(repairs.follow(client, *which)) for which in kinds]
    try:
        for number, namespace in enumerate(namespaces):
            await asyncio.gather(hurt(number, namespace), asyncio.sleep(1 / RATE))
        with suppress(TimeoutError):
            await asyncio.wait_for(repairs.all(), LONGEST)
    finally:
        for watch in watches:
            watch.cancel()
    never = float("inf")
    return [max(0.0, repairs.right.get(key, never) - moment) for key, moment in moments.items()]
