"""Makes one spec so: its objects, then its status."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from manor import log
from manor.api import Model, Platform, Tenant, TrainingJob, Workload, Workspace, kinds
from manor.api.status import Condition, Phase, QuotaStatus, reached
from manor.api.status import Reason as Told
from manor.api.wellknown import (
    GROUP,
    OPERATOR_FINALIZER,
    QUOTA,
    WORKLOADS_ACCOUNT,
    service_account_user,
)
from manor.apply import (
    Action,
    NotReady,
    Options,
    Pending,
    Reason,
    Refused,
    Result,
    Step,
    delete,
    release,
)
from manor.apply.ownership import is_applied
from manor.apply.steps import BAD
from manor.errors import ManorError
from manor.kube import Cache, Client, NotFound, Object, Unreachable
from manor.limits import limits, override
from manor.objectset.applyset import with_labels
from manor.objectset.inventory import Inventory
from manor.objectset.kinds import NAMESPACE, PERSISTENT_VOLUME_CLAIM, kind_of
from manor.objectset.readiness import Readiness, has_readiness, readiness
from manor.objectset.references import Ref, ref_of
from manor.operator.events import Recorder
from manor.operator.known import Known
from manor.operator.statuses import Statuses
from manor.operator.workloads import is_made, is_over, tell_standing
from manor.rollout.rollout import apply_set, plan_set
from manor.rollout.sets import ObjectSet
from manor.rollout.usage import quota_status
from manor.state import budget

_WORKLOADS = (TrainingJob, Model, Workspace)
_LASTING = frozenset({Reason.NOT_OURS, Reason.OWNED_BY_ANOTHER, Reason.REJECTED, Reason.IMMUTABLE})
"""Why something is not made until somebody changes something."""


@dataclass(frozen=True)
class Outcome:
    """What came of working on a key."""

    ok: bool = True
    """Whether it is as it should be, or will be by itself; else it is tried again."""
    again: float | None = None
    """Seconds after which it is to be looked at again, whatever happens."""
    steps: tuple[Step, ...] = ()
    wrote: Mapping[Ref, str] = field(default_factory=dict)
    """What was written, each with its resource version."""


class _Noted:
    """A cache that remembers what one reconciliation wrote, so that its echo in the watches is
    known."""

    def __init__(self, cache: Cache) -> None:
        self.find, self.find_all = cache.find, cache.find_all
        self._cache = cache
        self.versions: dict[Ref, str] = {}

    def wrote(self, obj: Object) -> None:
        self.versions[ref_of(obj)] = obj["metadata"]["resourceVersion"]
        self._cache.wrote(obj)


class Reconciler:
    """Works on one key at a time; several may be worked on at once."""

    def __init__(
        self, client: Client, cache: Cache, known: Known, events: Recorder, statuses: Statuses
    ) -> None:
        self._client = client
        self._cache = cache
        self._known = known
        self._events = events
        self._statuses = statuses

    async def refuse(self, key: Ref, generation: int, why: str, revision: str) -> Outcome:
        """The spec cannot be: nothing is changed, and its status says why."""
        reason = Told.INVALID if self._known.platform else Told.NO_PLATFORM
        state = reached("stalled", reason, why, generation)
        await self._statuses.tell(key, generation, state, **_about(key, revision))
        self._events.tell(key, self._known.uids.get(key, ""), reason, why)
        return Outcome()

    async def rest(self, key: Ref, generation: int) -> Outcome:
        """Somebody wants the object left as it is."""
        said = "it is as it was when it was paused"
        state = reached("stalled", Told.PAUSED, said, generation)
        await self._statuses.tell(key, generation, state)
        return Outcome()

    async def would_change(self, part: ObjectSet) -> bool:
        """Whether to make it so would change anything."""
        options = Options(force_conflicts=True)
        try:
            own = replace(part, parent=None)
            steps = await plan_set(self._client, own, options, self._cache)
        except Unreachable:
            raise
        except ManorError:  # to make it so says the same, where it is told
            return True
        return any(step.action is not Action.UNCHANGED for step in steps)

    async def look(self, key: Ref) -> Outcome:
        """What is left as it is for now is told as it stands."""
        spec, platform = self._known.spec(key), self._known.platform
        generation = self._known.generations.get(key)
        if platform is None or generation is None:
            return Outcome()
        if isinstance(spec, Tenant):
            quota = await self._quota(platform, spec)
            await self._statuses.tell(key, generation, (), quota=quota)
        elif isinstance(spec, _WORKLOADS) and await is_made(self._cache, spec, platform):
            return await self._stands(key, spec, generation, platform)
        return Outcome()

    async def make(self, key: Ref, part: ObjectSet, generation: int, revision: str) -> Outcome:
        """All that the spec asks for is made so, and told; `revision` is what it was planned
        from."""
        noted = _Noted(self._cache)
        try:
            if key.kind == kinds.TENANT.kind:
                outcome = await self._tenant(key, part, generation, revision, noted)
            elif key.namespace:
                outcome = await self._workload(key, part, generation, noted)
            else:
                outcome = await self._shared(key, part, generation)
        except ManorError as error:
            log.info("not reconciled", object=key, cause=error)
            outcome = Outcome(ok=False)
            if not isinstance(error, Unreachable):
                state = reached("reconciling", Told.NOT_APPLIED, str(error), generation)
                await self._statuses.tell(key, generation, state, **_about(key, revision))
        return replace(outcome, wrote=noted.versions)

    async def _tenant(
        self, key: Ref, part: ObjectSet, generation: int, revision: str, noted: _Noted
    ) -> Outcome:
        tenant, platform = self._known.spec(key), self._known.platform
        inventory = replace(part.inventory, finalizer=OPERATOR_FINALIZER)
        result = await self._applied(self._client, part, inventory, noted)
        conditions, ok = await self._reached(part, result, generation)
        if platform is None or not isinstance(tenant, Tenant):
            return Outcome()  # it went meanwhile
        spaces = [space.name for space in tenant.namespaces]
        await self._statuses.tell(
            key,
            generation,
            conditions,
            namespaces=spaces,
            namespace_count=len(spaces),
            quota=await self._quota(platform, tenant),
            **_about(key, revision),
        )
        return Outcome(ok=ok, steps=result.steps)

    async def _quota(self, platform: Platform, tenant: Tenant) -> QuotaStatus:
        """What the tenant's namespaces use of its budget."""
        found = [
            await self._cache.find("v1", "ResourceQuota", QUOTA, space.name)
            for space in tenant.namespaces
        ]
        return quota_status(budget([quota for quota in found if quota]), platform)

    async def _workload(self, key: Ref, part: ObjectSet, generation: int, noted: _Noted) -> Outcome:
        """What a tenant's object asks for is written as that tenant: nobody gets more by asking for
        it here than by writing it."""
        workload, platform = self._known.spec(key), self._known.platform
        if platform is None or not isinstance(workload, _WORKLOADS):
            return Outcome()  # it went meanwhile
        if await is_over(self._cache, self._statuses, key, workload, generation, platform):
            return Outcome()
        result = await self._applied(self._team(key), part, part.inventory, noted)
        conditions, ok = await self._reached(part, result, generation)
        if result.having(*BAD):
            await self._statuses.tell(
                key, generation, conditions, phase=Phase.FAILED, message=conditions[0].message
            )
            return Outcome(ok=ok, steps=result.steps)
        outcome = await self._stands(key, workload, generation, platform)
        return replace(outcome, ok=ok, steps=result.steps)

    async def _stands(
        self, key: Ref, workload: Workload, generation: int, platform: Platform
    ) -> Outcome:
        """How a workload stands is told."""
        again = await tell_standing(
            self._team(key),
            self._cache,
            self._statuses,
            key,
            workload,
            generation,
            platform,
            self._known.homes[key.namespace],
        )
        return Outcome(again=again)

    def _team(self, key: Ref) -> Client:
        """Who acts for the workloads of a namespace."""
        return self._client.impersonate(service_account_user(key.namespace, WORKLOADS_ACCOUNT))

    async def _shared(self, key: Ref, part: ObjectSet, generation: int) -> Outcome:
        """The Platform's own objects, its guardrails among them, are an administrator's to write:
        whoever could write them could unmake what holds teams apart. Here is told whether they
        are there."""
        missing = []
        for obj in part.objects:
            ref = ref_of(obj)
            live = await self._cache.find(obj["apiVersion"], ref.kind, ref.name, ref.namespace)
            wanted = with_labels(obj, part.inventory.marks)
            if live is None or not is_applied(wanted, live, defaults=True):
                missing.append(ref)
        if missing:
            said = f"{len(missing)} objects are not as this says, {missing[0]} first: `manor apply`"
            state = reached("stalled", Told.NOT_APPLIED, said, generation)
        else:
            state = reached("ready", Told.APPLIED, "", generation)
        await self._statuses.tell(key, generation, state)
        return Outcome()

    async def _applied(
        self, client: Client, part: ObjectSet, inventory: Inventory, noted: _Noted
    ) -> Result:
        options = Options(force_conflicts=True)
        try:
            # No worker waits for what may take minutes: it comes again by itself.
            with override(apply=replace(limits().apply, counted=0.0, leaving=0.0)):
                own = replace(part, inventory=inventory, parent=None)
                return await apply_set(client, own, options, reader=noted)
        except Refused as refused:
            return Result(refused.steps)

    async def _reached(
        self, part: ObjectSet, result: Result, generation: int
    ) -> tuple[list[Condition], bool]:
        """The conditions after an apply, and whether nothing failed."""
        if bad := result.having(*BAD):
            told = [step for step in bad if step.action is not Action.SKIP] or bad
            lasting = all(_LASTING.intersection(step.reasons) for step in told)
            said = "; ".join(f"{step.ref}: {step.message or step.action}" for step in told[:3])
            reason = Told.NOT_APPLIED
            if lasting:
                return reached("stalled", reason, said, generation), False
            return reached("reconciling", reason, said, generation), False
        spaces = {obj["metadata"]["name"] for obj in part.objects if kind_of(obj) == NAMESPACE}
        for obj in part.objects:
            ref = ref_of(obj)
            # A claim may wait for its first pod, and a team works while its way in, which is
            # outside its namespaces, is being made.
            awaited = has_readiness(ref.group_kind) and ref.group_kind != PERSISTENT_VOLUME_CLAIM
            if not awaited or (spaces and ref.namespace and ref.namespace not in spaces):
                continue
            live = await self._cache.find(obj["apiVersion"], ref.kind, ref.name, ref.namespace)
            state = readiness(live) if live else Readiness(False, "does not exist")
            if not state.ready:
                said = f"{ref} {state.reason}"
                return reached("reconciling", Told.PROGRESSING, said, generation), True
        return reached("ready", Told.APPLIED, "", generation), True

    async def remove(self, key: Ref) -> Outcome:
        """A Tenant that is being deleted: all that it became goes first, but not people's data and
        work, unless it says so; nothing goes where its whole kind does."""
        live = await self._statuses.live(key)
        if live is None or OPERATOR_FINALIZER not in live["metadata"].get("finalizers", ()):
            return Outcome()
        inventory = Inventory(
            key.name, "", live["apiVersion"], key.kind, finalizer=OPERATOR_FINALIZER
        )
        generation = live["metadata"].get("generation", 0)
        try:
            if await self._kind_goes():
                said = "its kind is being deleted: all that it became is left as it is"
                self._events.tell(key, live["metadata"]["uid"], Told.DELETING, said)
            else:
                steps = (await delete(self._client, inventory, _consent(live))).steps
                kept = [str(step.ref) for step in steps if step.action is Action.KEEP]
                if kept:
                    said = f"kept, as they hold data or people's work: {', '.join(kept[:8])}"
                    self._events.tell(key, live["metadata"]["uid"], "Kept", said, "Normal")
                if failed := [step for step in steps if step.action is Action.FAIL]:
                    raise NotReady("", [Pending(step.ref, step.message) for step in failed])
            with suppress(NotFound):
                await release(self._client, inventory)
        except ManorError as error:
            said = f"waits: {error}"
            state = reached("reconciling", Told.DELETING, said, generation)
            await self._statuses.tell(key, generation, state)
            return Outcome(ok=False)
        return Outcome()

    async def _kind_goes(self) -> bool:
        """Whether somebody deletes the definition of Tenants, and every Tenant with it."""
        try:
            crd = await self._client.get(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                f"{kinds.TENANT.plural}.{GROUP}",
            )
        except NotFound:
            return True
        return "deletionTimestamp" in crd["metadata"]


def _about(key: Ref, revision: str) -> dict[str, str]:
    """What a tenant's status says beside the generation that it is about."""
    return {"observed_revision": revision} if key.kind == kinds.TENANT.kind else {}


def _consent(tenant: Object) -> Options:
    """What may go with a tenant."""
    timeout = limits().operator.gone
    if tenant["spec"].get("deletionPolicy") != "Delete":
        return Options(timeout=timeout)
    spaces = (tenant.get("status") or {}).get("namespaces") or []
    return Options(delete_data=True, delete_namespaces=frozenset(spaces), timeout=timeout)
