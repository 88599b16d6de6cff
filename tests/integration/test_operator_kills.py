"""The operator is killed at any moment: what it left half done harms nobody, and the next one ends
it."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from ground.bare_loop import objects_of
from manor.api import API_VERSION
from manor.api.quantity import parse
from manor.api.wellknown import GROUP, QUOTA
from manor.kube import Client, Object
from manor.objectset.applyset import PART_OF, applyset_id
from manor.objectset.references import Ref, ref_of
from operator_process import PLATFORM, Operator, is_ready, operating, ready, tenant
from waiting import until

pytestmark = pytest.mark.integration

KILLS = int(os.environ.get("MANOR_TEST_KILLS", "10"))
"""How often; `make test-kills` does it a hundred times."""
WRITES = 6
"""Before the last of so many it is killed: a change of two tenants takes more."""


async def test_killed_at_any_write_no_budget_is_exceeded_and_nothing_is_there_twice(
    client: Client, line: Any, platform_node: Any, make: Any, tmp_path: Path
) -> None:
    """Budgets move between namespaces, and the operator is killed as it writes, before or after
    the server has it. Every state of the quotas is looked at."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    names, log = ["kill-a", "kill-b"], tmp_path / "operator.log"
    await make(*(_split(name, (1, 1)) for name in names))
    with operating(platform_node.kubeconfig, log):
        await ready(client, *names)
    killed = 0
    async with every_quota(client, names) as sums:
        for turn in range(KILLS):
            wanted = [_split(name, chance.choice(SHARES[turn % 2])) for name in names]
            for one in wanted:
                await client.apply(one, field_manager="owner", force=True)
            with operating(line.kubeconfig, log) as victim:
                line.fault = _deadly(victim, chance.randrange(WRITES), chance.random() < 0.5)
                await until("killed, or done", lambda: _ended(client, victim, names))
                killed += not victim.runs()
                victim.kill()
            line.fault = None
        with operating(platform_node.kubeconfig, log) as last:
            await ready(client, *names)
            for one in wanted:
                assert await made_of(client, one) == rendered(one)
            assert last.runs(), last.said
    assert killed > KILLS / 2, "it was hardly ever killed as it wrote"
    assert len(sums) > KILLS, "the quotas hardly changed"
    assert not [found for found in sums if _exceeds(found)], f"seed {seed}"


SHARES = [[(1, 3), (1, 2), (1, 7)], [(3, 1), (2, 1), (7, 1)]]
"""In turn, so that each time much moves."""
BUDGET = {"requests.cpu": "4", "requests.memory": "8Gi", "requests.storage": "20Gi"}
Sums = dict[str, Decimal]


def _split(name: str, shares: tuple[int, int]) -> Object:
    places = [name, f"{name}-more"]
    spaces = [{"name": place, "share": share} for place, share in zip(places, shares, strict=True)]
    return tenant(name, namespaces=spaces)


def _deadly(victim: Operator, count: int, reaches: bool) -> Any:
    """A line that kills the operator at a write: whether or not that one `reaches` the server."""
    left = count

    async def fault(request: web.Request) -> web.Response | None:
        nonlocal left
        if request.method == "GET":
            return None
        left -= 1
        if left >= 0:
            return None
        victim.process.kill()
        return None if reaches else web.Response(status=503)

    return fault


async def _ended(client: Client, victim: Operator, names: list[str]) -> bool:
    if not victim.runs():
        return True
    found = [await client.get(API_VERSION, "Tenant", name) for name in names]
    return all(map(is_ready, found))


def _sum(amounts: Iterable[str]) -> Decimal:
    return sum(map(parse, amounts), start=Decimal(0))


@asynccontextmanager
async def every_quota(client: Client, names: list[str]) -> AsyncIterator[list[Sums]]:
    """What the quotas of each of the tenants add up to, after every change of one of them."""
    sums: list[Sums] = []
    hard: dict[str, dict[str, str]] = {}

    async def follow() -> None:
        async for event in client.watch("v1", "ResourceQuota", timeout=7200):
            meta = event.object["metadata"]
            owner = next((name for name in names if meta.get("namespace", "").startswith(name)), "")
            if event.type == "BOOKMARK" or meta["name"] != QUOTA or not owner:
                continue
            hard[meta["namespace"]] = event.object["spec"]["hard"]
            of_owner = [one for place, one in hard.items() if place.startswith(owner)]
            sums.append({key: _sum(one[key] for one in of_owner) for key in BUDGET})

    task = asyncio.create_task(follow())
    try:
        yield sums
    finally:
        assert not task.done(), task
        task.cancel()


def _exceeds(sums: Sums) -> bool:
    return any(amount > parse(BUDGET[key]) for key, amount in sums.items())


def rendered(spec: Object) -> set[Ref]:
    """What a tenant is to become."""
    platform = yaml.safe_load(PLATFORM.read_text())
    [[_, *objects]] = objects_of(platform, [spec])
    return {ref_of(obj) for obj in objects}


async def made_of(client: Client, spec: Object) -> set[Ref]:
    """What bears the mark of a tenant, of all kinds that it becomes."""
    mark = {PART_OF: applyset_id(Ref(GROUP, "Tenant", "", spec["metadata"]["name"]))}
    platform = yaml.safe_load(PLATFORM.read_text())
    kinds = {(obj["apiVersion"], obj["kind"]) for obj in objects_of(platform, [spec])[0][1:]}
    found = [obj for kind in sorted(kinds) for obj in await client.list(*kind, labels=mark)]
    return {ref_of(obj) for obj in found}
