"""Lets the tenants follow the Platform and its Tools, step by step, and tells how far they are."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from manor import log
from manor.api import Tenant, kinds
from manor.api.status import Condition, ConditionType, PlatformStatus, Reason, TenantStatus
from manor.api.status import RollOut as Told
from manor.api.wellknown import GROUP
from manor.kube import KubeError
from manor.limits import limits
from manor.objectset.kinds import GroupKind
from manor.objectset.references import Ref
from manor.operator.events import Recorder
from manor.operator.following import Following, revision_of, standing_of
from manor.operator.known import Known, ref_of_tenant
from manor.operator.metrics import Metrics
from manor.operator.queue import Queue, Urgency
from manor.operator.statuses import Statuses

_PLATFORM = Ref(GROUP, kinds.PLATFORM.kind, "", "manor")


class RollOut:
    """Asks the queue for the tenants whose turn it is, and says of others that they wait."""

    def __init__(
        self,
        known: Known,
        queue: Queue,
        statuses: Statuses,
        events: Recorder,
        metrics: Metrics,
    ) -> None:
        self._known = known
        self._queue = queue
        self._statuses = statuses
        self._events = events
        self._metrics = metrics
        self._following = Following()
        self._news = asyncio.Event()
        # Who goes first is chosen, and told, before another may be.
        self._choosing = asyncio.Lock()

    @property
    def revision(self) -> str:
        """What tenants are made from now."""
        return self._following.revision

    async def resume(self, not_served: Iterable[GroupKind]) -> None:
        """Go on where the last operator ended, if nothing is another than then."""
        self.turn(not_served)
        before = (await self._status()).roll_out
        if before and before.revision == self.revision:
            self._following.turn(self.revision, before.waits_for)

    def turn(self, not_served: Iterable[GroupKind]) -> None:
        """What tenants are made from is perhaps another than before."""
        revision = revision_of(self._known.platform, self._known.beside(set()).toolset, not_served)
        if revision != self.revision:
            self._following.turn(revision)
        self._news.set()

    def heard(self, name: str, status: TenantStatus | None) -> bool:
        """What the status of a tenant says; None, of one that is no more. Whether it has come to
        follow by it."""
        before, now = self._following.standings.get(name), standing_of(status) if status else None
        if before == now:
            return False
        self._following.know(name, now)
        self._news.set()
        return bool(now and now.revision == self.revision != (before.revision if before else None))

    def wake(self) -> None:
        """Who is there, and who rests, is perhaps another than before."""
        self._news.set()

    async def run(self) -> None:
        """Step by step, until cancelled."""
        while True:
            await self._news.wait()
            await self.advance()
            await asyncio.sleep(limits().operator.roll_out)

    async def advance(self) -> None:
        """One step."""
        self._news.clear()
        async with self._choosing:
            tenants = self._tenants()
            self._following.step(tenants, limits().operator.batch)
            try:
                await self._tell(tenants)
            except KubeError as error:
                log.info("roll-out not told", cause=error)
                self._news.set()
                return
        for name in self._following.due(tenants):
            if not self._queue.is_due(ref_of_tenant(name)):
                self._queue.add(ref_of_tenant(name), Urgency.AT_LEISURE)

    async def holds(
        self, key: Ref, tenant: str, revision: str, changes: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Whether what `key` became is left as it is for now. What its own spec asks for is made,
        from what there is now.

        `changes` says whether the tenant would be another by what was planned from `revision`. The
        first that would be goes first.
        """
        following = self._following
        if not following.holds(tenant) or await self._has_own_news(key):
            return False
        if key != ref_of_tenant(tenant):
            return True
        async with self._choosing:
            if following.candidates[:1] != [tenant]:
                return following.holds(tenant)
            changed = await changes()
            if revision != self.revision:  # another change came meanwhile
                return True
            if not changed:
                following.candidates.remove(tenant)
                return False
            following.wait_for(tenant)
            try:
                await self._tell(self._tenants())
            except KubeError as error:
                log.info("roll-out not told", cause=error)
                following.wait_for("")
                self._news.set()
                return True
        return False

    async def _has_own_news(self, key: Ref) -> bool:
        """Whether the spec, or what belongs to it, is another than its status is about."""
        live = await self._statuses.live(key)
        status, spec = (live or {}).get("status") or {}, self._known.spec(key)
        if status.get("observedGeneration") != self._known.generations.get(key):
            return True
        return isinstance(spec, Tenant) and status.get("namespaces") != [
            space.name for space in spec.namespaces
        ]

    def _tenants(self) -> list[str]:
        resting = self._known.paused | self._known.going
        return [name for name in self._known.tenants if ref_of_tenant(name) not in resting]

    async def _status(self) -> PlatformStatus:
        live = await self._statuses.live(_PLATFORM)
        return PlatformStatus.model_validate((live or {}).get("status") or {})

    async def _tell(self, tenants: list[str]) -> None:
        """How far it is, on the Platform's status."""
        following = self._following
        done, all_ = following.followed(tenants)
        self._metrics.followed.labels("true").set(done)
        self._metrics.followed.labels("false").set(all_ - done)
        self._metrics.stopped.set(following.is_stopped)
        condition = self._condition(done, all_)
        told = Told(
            revision=self.revision, waits_for=following.waits_for, followed=f"{done}/{all_}"
        )
        turned = await self._statuses.note(_PLATFORM, condition, roll_out=told)
        uid = self._known.uids.get(_PLATFORM, "")
        if following.is_stopped:
            said = f"the roll-out waits for {self._first()}"
            self._events.tell(_PLATFORM, uid, condition.reason, said)
        elif condition.status == "False" and turned == "True":
            self._events.tell(_PLATFORM, uid, "RolledOut", condition.message, "Normal")

    def _condition(self, done: int, all_: int) -> Condition:
        generation = self._known.generations.get(_PLATFORM, 0)
        said = f"{done} of {all_} tenants follow generation {generation}"
        reason = Reason.PROGRESSING
        if done == all_:
            reason = Reason.APPLIED
        elif self._following.waits_for:
            said = f"{said}; waits for {self._first()}"
            if self._following.is_stopped:
                reason = Reason.STOPPED
        return Condition(
            type=ConditionType.ROLLING_OUT,
            status="False" if done == all_ else "True",
            reason=reason,
            message=said,
            observed_generation=generation,
        )

    def _first(self) -> str:
        """The tenant that is waited for, and why."""
        name = self._following.waits_for
        found = self._following.standings.get(name)
        if found is None or self._following.is_behind(name):
            return f"{name}, which goes first"
        return f"{name}: {found.why}"
