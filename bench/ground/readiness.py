"""When Tenants became Ready, as a watch tells."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from manor.api import API_VERSION
from manor.api.wellknown import PAUSED_ANNOTATION
from manor.kube import Client, Gone, Object

IN_FLIGHT = 64


class Readiness:
    """Every Tenant that was seen Ready at the generation it then had, with the moment."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._news = asyncio.Event()

    async def all_of(self, names: Collection[str], seconds: float) -> None:
        """Returns once all of these are Ready."""
        async with asyncio.timeout(seconds):
            while any(name not in self.at for name in names):
                self._news.clear()
                await self._news.wait()

    async def follow(self, client: Client) -> None:
        """Hear of Tenants until cancelled."""
        while True:
            try:
                async for event in client.watch(API_VERSION, "Tenant"):
                    if event.type in ("ADDED", "MODIFIED"):
                        self._see(event.object)
            except Gone:
                continue

    def _see(self, obj: Object) -> None:
        name = obj["metadata"]["name"]
        if is_ready(obj):
            self.at.setdefault(name, time.monotonic())
            self._news.set()


def is_ready(obj: Object, what: str = "Ready") -> bool:
    """Whether its status says so of the spec that it has now."""
    generation = obj["metadata"]["generation"]
    return any(
        condition["type"] == what
        and condition["status"] == "True"
        and condition.get("observedGeneration") == generation
        for condition in (obj.get("status") or {}).get("conditions", ())
    )


async def all_isolated(client: Client, seconds: float) -> None:
    """Returns once every Tenant has been looked after, which comes after what is asked for; those
    that are paused have not."""
    async with asyncio.timeout(seconds):
        while not all(
            is_ready(obj, "Isolated") or PAUSED_ANNOTATION in obj["metadata"].get("annotations", {})
            for obj in await client.list(API_VERSION, "Tenant")
        ):
            await asyncio.sleep(1)


@asynccontextmanager
async def following(client: Client) -> AsyncIterator[Readiness]:
    """What is heard of while the block runs."""
    readiness = Readiness()
    task = asyncio.create_task(readiness.follow(client))
    try:
        yield readiness
    finally:
        task.cancel()


async def create_all(client: Client, tenants: list[dict[str, Any]]) -> dict[str, float]:
    """The Tenants as fast as the server takes them: the moment each was asked for."""
    moments: dict[str, float] = {}
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def make(one: dict[str, Any]) -> None:
        async with slots:
            moments[one["metadata"]["name"]] = time.monotonic()
            await client.create(one)

    await asyncio.gather(*map(make, tenants))
    return moments


async def offer(client: Client, tenants: list[dict[str, Any]], rate: float) -> dict[str, float]:
    """The Tenants one after the other, `rate` a second, whether or not the ones before are made:
    the moment each was to be made."""
    moments: dict[str, float] = {}
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, one in enumerate(tenants):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            moments[one["metadata"]["name"]] = due
            group.create_task(client.create(one))
    return moments
