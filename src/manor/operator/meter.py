"""Keeps account of what each tenant uses: what the watches tell of pods and volume claims is
counted into a ConfigMap a month, which alone says up to when it has been."""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace

from manor import log
from manor.api.platform import GpuSettings
from manor.api.wellknown import SYSTEM_NAMESPACE, USAGE_LABEL, usage_account
from manor.engines import controlling
from manor.errors import ManorError
from manor.kube import Cache, Client, Conflict, KubeError, NotFound, Object
from manor.limits import limits
from manor.metering import (
    CLAIM,
    POD,
    Account,
    Holding,
    Month,
    holding_of,
    months,
)
from manor.metering.accounts import day_of, moment_of
from manor.objectset.kinds import GroupKind, kind_of
from manor.objectset.references import Ref, controller_of, ref_of
from manor.operator.known import Known
from manor.operator.persons import Persons

METERED: frozenset[GroupKind] = frozenset((POD, CLAIM))
"""What is counted, as it is watched: all of it, whoever made it."""


@dataclass
class _Kept:
    """An account, and the resource version of the ConfigMap that it was read from."""

    account: Account
    version: str = ""


class Meter:
    """Counts while it runs. What it knows is what stands, and what went since it was last counted;
    all else is in the accounts."""

    def __init__(self, client: Client, known: Known) -> None:
        self._client = client
        self._known = known
        self._held: dict[str, dict[Ref, Holding]] = defaultdict(dict)
        """What stands, by namespace."""
        self._went: dict[str, list[Holding]] = defaultdict(list)
        """What holds nothing more and is not counted up to its end, by tenant."""
        self._persons = Persons(known)
        self._until: dict[str, int] = {}
        """Up to when each tenant's account is counted, as far as this process read or wrote it."""
        self._away: tuple[int, int] | None = None
        """When nobody looked, before this process did."""
        self._noted = set[str]()
        """Tenants whose accounts say so."""

    def heard(self, old: Object | None, new: Object | None) -> None:
        """A pod or a claim is another than before."""
        obj = new or old
        assert obj is not None  # noqa: S101 - a change has one of the two
        ref, now = ref_of(obj), int(time.time())
        before = self._held[ref.namespace].pop(ref, None)
        if not self._held[ref.namespace]:
            del self._held[ref.namespace]
        self._persons.forget(ref)
        person = self._persons.of(new) if new else None
        after = holding_of(new, self._gpu, person) if new else None
        kept = before and old and new and controller_of(old) == controller_of(new)
        if before and after and person is None:  # its workload may go before it
            after = replace(after, holder=before.holder)
        elif before and after and kept and before.holder.vouched:
            # Whoever wrote the workload's spec since then asked for other pods. What controls a pod
            # may go before it.
            vouched = self._persons.is_made(ref) is not False
            after = replace(after, holder=before.holder._replace(vouched=vouched))
        if after and old and not before and kind_of(obj) == CLAIM:
            after = replace(after, start=now)  # somebody saw it become bound
        if before and after and before.amounts != after.amounts:  # it was resized
            self._gone(ref, before, now)
            after = replace(after, start=now)
        elif before and after:
            after = replace(after, start=before.start)
        elif before:
            self._gone(ref, before, now)
        if after:
            self._held[ref.namespace][ref] = after

    def heard_of_controller(self, old: Object | None, new: Object | None) -> None:
        """Something else is another than before, which may control pods."""
        for ref, vouched in self._persons.heard(old, new).items():
            if holding := self._held.get(ref.namespace, {}).get(ref):
                holder = holding.holder._replace(vouched=vouched)
                self._held[ref.namespace][ref] = replace(holding, holder=holder)

    def _gone(self, ref: Ref, holding: Holding, now: int) -> None:
        tenant = self._known.homes.get(ref.namespace)
        if tenant and (holding.end is None or holding.end > self._until.get(tenant.name, 0)):
            self._went[tenant.name].append(replace(holding, end=holding.end or now))

    @property
    def _gpu(self) -> GpuSettings:
        platform = self._known.platform
        return platform.spec.gpu if platform else GpuSettings()

    async def run(self, cache: Cache, before: Object) -> None:
        """Count until cancelled, and then what would be forgotten; `before` is the lease as whoever
        counted before left it."""
        await self._follow(cache)
        self._away = _away(before, int(time.time()))
        bounds = limits().operator
        try:
            while True:
                await self._count_all(int(time.time() - bounds.account_late))
                due = time.monotonic() + bounds.account
                await asyncio.sleep(bounds.account)
                while time.monotonic() - due > bounds.account_late:
                    # This process stood still: what happened meanwhile is to be heard first.
                    due = time.monotonic() + bounds.account_late
                    await asyncio.sleep(bounds.account_late)
        finally:
            # No further than it heard: another one may be counting by now.
            for name, went in list(self._went.items()):
                await self._count(name, max(one.end or 0 for one in went))

    async def _follow(self, cache: Cache) -> None:
        """Return once all that is counted is known; the rights to it come with the Platform."""
        while True:
            try:
                await cache.follow("v1", "Pod")
                await cache.follow("v1", "PersistentVolumeClaim")
            except KubeError as error:
                log.info("usage not counted", cause=error)
                await asyncio.sleep(limits().operator.look)
            else:
                return

    async def follow_controllers(self, cache: Cache) -> None:
        """Follow what stands between workloads and their pods, as Tools come, until cancelled."""
        while True:
            for group, kind in sorted(controlling(self._known.beside(set()).toolset)):
                # Where it is not served, or by the rights of an older Manor, people are as told.
                with suppress(KubeError):
                    resource = await self._client.preferred_resource(group, kind)
                    await cache.follow(resource.api_version, kind)
            await asyncio.sleep(limits().operator.tools)

    async def _count_all(self, until: int) -> None:
        """Bring every account that is due up to a moment."""
        homes = self._known.homes
        held = {tenant.name for space in self._held if (tenant := homes.get(space))}
        for name in sorted({*held, *self._went}):
            try:
                if name not in self._until:
                    kept = await self._read(name, Month.of(until))
                    self._until[name] = kept.account.until if kept.version else 0
                if self._is_due(name, until):
                    await self._count(name, until)
            except Exception as error:  # a fault with one tenant never stops the others
                log.error("counting usage broke", tenant=name, cause=repr(error))

    def _is_due(self, name: str, until: int) -> bool:
        """Whether something is to be written: not where nothing is held, and of volumes alone,
        which stay, once a day."""
        counted = self._until[name]
        if day_of(counted) != day_of(until):
            return True
        if until - counted < limits().operator.account / 2:  # by whoever counted before
            return False
        return name in self._went or any(
            ref.group_kind == POD and (holding.end is None or holding.end > counted)
            for ref, holding in self._standing(name)
        )

    def _standing(self, name: str) -> list[tuple[Ref, Holding]]:
        tenant = self._known.tenants.get(name)
        spaces = tenant.namespaces if tenant else ()
        return [pair for space in spaces for pair in self._held.get(space.name, {}).items()]

    def _holdings(self, name: str) -> list[Holding]:
        return [*(holding for _, holding in self._standing(name)), *self._went.get(name, ())]

    async def _count(self, name: str, until: int) -> None:
        """Bring the tenant's accounts up to a moment, the oldest first: while one is counted, all
        before it are."""
        holdings = self._holdings(name)
        try:
            for kept in await self._behind(name, holdings, until):
                await self._bring(name, kept, holdings, until)
        except Conflict as error:  # somebody else counted: next time from there
            log.info("usage not written", tenant=name, cause=error)
            self._until.pop(name, None)
        except ManorError as error:
            log.info("usage not written", tenant=name, cause=error)
        else:
            self._noted.add(name)
            self._until[name] = until
            left = [one for one in self._went.pop(name, ()) if one.end and one.end > until]
            if left:
                self._went[name] = left

    async def _behind(self, name: str, holdings: list[Holding], until: int) -> list[_Kept]:
        """The accounts that are not counted up to a moment."""
        first = min((holding.start for holding in holdings), default=until)
        behind: list[_Kept] = []
        for month in reversed(list(months(first, until))):
            kept = await self._read(name, month)
            behind.insert(0, kept)
            if kept.account.until > month.begin:
                break
        return behind

    async def _bring(self, name: str, kept: _Kept, holdings: list[Holding], until: int) -> None:
        account, counted = kept.account, kept.account.until
        if not account.count(holdings, until):
            return
        if self._away and name not in self._noted:
            start, end = max(self._away[0], counted), self._away[1]
            if end - start > limits().operator.account_late:
                account.note_gap(start, end)
        meta = {
            "name": usage_account(name, account.month.number),
            "namespace": SYSTEM_NAMESPACE,
            "labels": {USAGE_LABEL: name},
        }
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": account.written()}
        if kept.version:
            meta["resourceVersion"] = kept.version
            await self._client.replace(obj)
        else:
            await self._client.create(obj)

    async def _read(self, name: str, month: Month) -> _Kept:
        place = usage_account(name, month.number), SYSTEM_NAMESPACE
        try:
            found = await self._client.get("v1", "ConfigMap", *place)
        except NotFound:
            return _Kept(Account(month))
        account = Account.read(month, found.get("data") or {})
        return _Kept(account, found["metadata"]["resourceVersion"])


def _away(before: Object, now: int) -> tuple[int, int] | None:
    """When nobody looked: since whoever led before ended; where it did not end well, what it had
    not written is lost besides."""
    if not before.get("renewTime"):
        return None
    seen, bounds = moment_of(before["renewTime"]), limits().operator
    if before.get("holderIdentity"):
        seen -= int(bounds.account + bounds.account_late)
    return seen, now
