"""What the teams' own proxies tell of their Models, looked at again and again."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from manor import log
from manor.api import Model, Platform, Tenant
from manor.kube.http import Pages
from manor.objectset.references import Ref
from manor.operator.known import Known
from manor.render.gateway import STATISTICS_PORT, proxies_host

Look = Callable[[Platform, Tenant, Mapping[Ref, Model]], Awaitable[None]]
T = TypeVar("T")


async def each_team(
    known: Known, wanted: Callable[[Model], bool], look: Look, pause: float
) -> None:
    """Look at the models of each team that are wanted, again and again. Where one team's proxy is
    slow, or something goes wrong, no other waits."""
    looks: dict[str, asyncio.Task[None]] = {}

    async def attempt(platform: Platform, tenant: Tenant, models: Mapping[Ref, Model]) -> None:
        try:
            await look(platform, tenant, models)
        except Exception as error:  # one broken team never stops the others
            log.error("models not looked at", tenant=tenant.name, cause=repr(error))

    async with asyncio.TaskGroup() as group:
        while True:
            looks = {name: task for name, task in looks.items() if not task.done()}
            for name, models in _by_team(known, wanted).items():
                if known.platform and name not in looks:
                    one = attempt(known.platform, known.tenants[name], models)
                    looks[name] = group.create_task(one)
            await asyncio.sleep(pause)


def _by_team(known: Known, wanted: Callable[[Model], bool]) -> dict[str, dict[Ref, Model]]:
    teams = defaultdict[str, dict[Ref, Model]](dict)
    for space, workloads in known.workloads.items():
        for key, model in workloads.items() if space in known.homes else ():
            if isinstance(model, Model) and wanted(model) and not _rests(known, key):
                teams[known.homes[space].name][key] = model
    return teams


def _rests(known: Known, key: Ref) -> bool:
    return key in known.paused or key in known.going


async def told(
    pages: Pages, platform: Platform, tenant: Tenant, path: str, read: Callable[[str], T]
) -> dict[str, T]:
    """What each proxy of a team tells at `path`, by its address. Raises Unreachable; ValueError
    where it cannot be read."""
    texts = await pages.from_each(proxies_host(platform, tenant), STATISTICS_PORT, path)
    return {address: read(text) for address, text in texts.items()}
