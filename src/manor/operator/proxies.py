"""What the teams' own proxies tell of their Models, looked at again and again."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Generic, TypeVar

from manor import log
from manor.api import Model, Platform, Tenant
from manor.kube.http import Pages
from manor.objectset.references import Ref
from manor.operator.known import Known
from manor.render.gateway import STATISTICS_PORT, proxies_host

Look = Callable[[Platform, Tenant, Mapping[Ref, Model]], Awaitable[None]]
T = TypeVar("T")


class Remembered(Generic[T]):
    """What was found out of each model so far: nothing, of another object of its name, or since it
    says something else."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._kept: dict[Ref, tuple[str, T]] = {}

    def find(self, key: Ref, said: object) -> T | None:
        """What was kept of the model while it said this."""
        about, kept = self._kept.get(key, ("", None))
        return kept if about == self._about(key, said) else None

    def keep(self, key: Ref, said: object, found: T) -> T:
        """Keep it until the model says something else."""
        self._kept[key] = self._about(key, said), found
        return found

    def forget_all_but(self, keys: Iterable[Ref]) -> None:
        """Forget the models that are not among these."""
        for key in self._kept.keys() - set(keys):
            del self._kept[key]

    def _about(self, key: Ref, said: object) -> str:
        return f"{self._known.uids.get(key)} {said!r}"


async def each_team(
    known: Known,
    wanted: Callable[[Model], bool],
    remembered: Remembered[T],
    look: Look,
    pause: float,
) -> None:
    """Look at the models of each team that are wanted, again and again, and forget the others.
    Where one team's proxy is slow, or something goes wrong, no other waits."""
    looks: dict[str, asyncio.Task[None]] = {}

    async def attempt(platform: Platform, tenant: Tenant, models: Mapping[Ref, Model]) -> None:
        try:
            await look(platform, tenant, models)
        except Exception as error:  # one broken team never stops the others
            log.error("models not looked at", tenant=tenant.name, cause=repr(error))

    async with asyncio.TaskGroup() as group:
        while True:
            looks = {name: task for name, task in looks.items() if not task.done()}
            teams = _by_team(known, wanted)
            remembered.forget_all_but(key for models in teams.values() for key in models)
            for name, models in teams.items():
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
