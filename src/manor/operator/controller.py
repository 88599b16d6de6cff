"""What makes the cluster hold what its specs say: each change is taken up, made so, and told.

One key is a spec. Many are planned together and then made one beside the other; nothing that goes
wrong with one of them stops another.
"""

import asyncio
import time
from contextlib import suppress

from pydantic import ValidationError

from manor import log
from manor.api import kinds
from manor.api.status import TenantStatus
from manor.api.wellknown import GROUP, MANAGED, SYSTEM_NAMESPACE, VERIFY_RUNS
from manor.apply import Action
from manor.kube import Cache, Client, KubeError, Object
from manor.limits import limits
from manor.objectset.kinds import DEPLOYMENT, NAMESPACE, RESOURCE_QUOTA, GroupKind, kind_of
from manor.objectset.references import Ref, ref_of
from manor.operator.events import Recorder
from manor.operator.judge import Judge
from manor.operator.known import FOLLOWED, Known, is_ours, ref_of_tenant
from manor.operator.members import Owners, is_news, last_writer
from manor.operator.meter import METERED, Meter
from manor.operator.metrics import Metrics
from manor.operator.plans import Plans, merged, plans
from manor.operator.queue import Queue, Urgency
from manor.operator.reconciler import Outcome, Reconciler
from manor.operator.rollout import RollOut
from manor.operator.scaler import Scaler
from manor.operator.statuses import Statuses
from manor.operator.tracing import reconciling
from manor.operator.verifier import LOOKED_AT, Verifier
from manor.state import missing_tools

_ADMISSION = "admissionregistration.k8s.io"
WHOLE: frozenset[GroupKind] = frozenset(
    {
        *LOOKED_AT,
        *METERED,
        *((_ADMISSION, f"MutatingAdmissionPolicy{suffix}") for suffix in ("", "Binding")),
        *((GROUP, info.kind) for info in kinds.ALL),
    }
)
"""Kinds that are followed in full: a new tenant's names outside all namespaces are looked for
before they are taken, isolation is looked after and usage is counted whoever made what."""

COUNTING = frozenset({RESOURCE_QUOTA, DEPLOYMENT})
"""Kinds whose status counts what the spec's own status tells: what is used, and pods."""
_COMMON = (kinds.PLATFORM.kind, kinds.TOOL.kind)
"""The kinds of what tenants have in common."""
_RUNS = Ref("", "ConfigMap", SYSTEM_NAMESPACE, VERIFY_RUNS)
"""What runs of `manor verify` found."""
_GONE = ""
"""In the place of the resource version of what is no more."""


class Controller:
    """Takes up changes while it runs."""

    def __init__(self, client: Client, metrics: Metrics) -> None:
        self._client = client
        self._metrics = metrics
        self._owners = Owners()
        self._echoes: dict[Ref, dict[tuple[Ref, str], str]] = {}
        """While a key is worked on: the changes of its members that were heard of, by resource
        version, each with what somebody did, if it was not us."""
        self._drifted: dict[Ref, dict[Ref, str]] = {}
        """Members of each key that somebody else wrote, with who it was."""
        self._stuck: set[Ref] = set()
        """Specs that cannot be as they are, perhaps because of another."""
        self._asked: set[Ref] = set()
        """Tenants that another one's spec changes, which no roll-out holds up."""
        self._standing: set[str] = set()
        """Tenants whose places were made, so that workloads may be."""
        self._not_served: frozenset[GroupKind] = frozenset()
        self._tools_seen = 0.0
        self.queue = Queue()
        self.known = Known()
        self._meter = Meter(client, self.known)
        self.synced = asyncio.Event()
        """Set once all that there is is known."""

    async def run(self, before: Object) -> None:
        """Reconcile until cancelled; `before` is the lease as whoever led before left it."""
        async with (
            Cache.following(
                self._client,
                labels=MANAGED,
                whole=WHOLE,
                shared=lambda: self.known.shared,
                on_change=self._on_change,
            ) as cache,
            Recorder.running(self._client) as events,
        ):
            self._events = events
            statuses = Statuses(self._client, cache, self._on_status)
            reconciler = Reconciler(self._client, cache, self.known, events, statuses)
            self._roll_out = RollOut(self.known, self.queue, statuses, events, self._metrics)
            for api_version, kind in (("v1", "Namespace"), *FOLLOWED):
                await cache.follow(api_version, kind)
            self._verifier = Verifier(
                self._client, cache, self.known, self.queue, statuses, events, self._metrics
            )
            await self._look_for_tools()
            await self._roll_out.resume(self._not_served)
            self.synced.set()
            log.info("synced", tenants=len(self.known.tenants))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._verifier.run())
                group.create_task(self._meter.run(cache, before))
                group.create_task(self._meter.follow_controllers(cache))
                group.create_task(self._roll_out.run())
                group.create_task(Scaler(self._client, cache, self.known, events).run())
                judge = Judge(self._client, cache, self.known, events, statuses)
                group.create_task(judge.run())
                await self._dispatch(reconciler, group)

    async def _dispatch(self, reconciler: Reconciler, group: asyncio.TaskGroup) -> None:
        bounds = limits().operator
        slots = asyncio.Semaphore(bounds.sets)
        while True:
            await slots.acquire()  # no key is taken before somebody can work on it
            slots.release()
            keys = await self.queue.take(bounds.batch)
            await self._look_for_tools()
            planned = self._planned(keys)
            for key in keys:
                await slots.acquire()
                task = group.create_task(self._work(reconciler, key, planned))
                task.add_done_callback(lambda _: slots.release())

    def _planned(self, keys: list[Ref]) -> Plans:
        began = time.monotonic()
        try:
            found = plans(self.known, keys, self._not_served)
        except Exception as error:  # a fault of the program in one spec never stops the others
            if len(keys) > 1:
                return merged(self._planned([key]) for key in keys)
            log.error("planning broke", object=keys[0], cause=repr(error))
            found = Plans(invalid={keys[0]: f"Manor has a fault here: {error!r}"})
        self._metrics.planning.observe(time.monotonic() - began)
        found.revision = self._roll_out.revision
        return found

    async def _look_for_tools(self) -> None:
        """Which kinds of the Platform's Tools the server lacks; asked again while it lacks some."""
        stale = time.monotonic() - self._tools_seen > limits().operator.tools
        if self.known.platform is None or (self._tools_seen and not (self._not_served and stale)):
            return
        self._tools_seen = time.monotonic()
        tools = self.known.beside(set()).toolset
        try:
            missing = await missing_tools(self._client, tools)
        except KubeError as error:
            log.info("Tools not looked for", cause=error)
            self._tools_seen = 0.0
            return
        lacking = frozenset(kind for kinds_ in missing.values() for kind in kinds_)
        if lacking != self._not_served:
            self._not_served = lacking
            self._everyone()

    async def _work(self, reconciler: Reconciler, key: Ref, planned: Plans) -> None:
        began = time.monotonic()
        waited = began - self.queue.since.get(key, began)
        tenant = key.name if key.kind == kinds.TENANT.kind else ""
        if key.namespace and key.namespace in self.known.homes:
            tenant = self.known.homes[key.namespace].name
        outcome = Outcome(ok=False)
        try:
            with log.bound(tenant=tenant, object=key), reconciling(key, tenant) as span:
                outcome = await self._reconcile(reconciler, key, planned)
                span.set_attribute("manor.ok", outcome.ok)
        except Exception as error:  # one broken tenant never stops the others
            log.error("reconciliation broke", object=key, cause=repr(error))
        finally:
            self._metrics.reconciled(key.kind, outcome.ok, waited, time.monotonic() - began)
            self._finish(key, outcome)

    async def _reconcile(self, reconciler: Reconciler, key: Ref, planned: Plans) -> Outcome:
        generation = self.known.generations.get(key)
        if key.kind in _COMMON:
            await self._roll_out.advance()  # who is told of it is told how far it is, too
        if generation is None:
            self.queue.forget(key)
            return Outcome()
        if key in self.known.paused:
            return await reconciler.rest(key, generation)
        if key in self.known.going:
            return await self._remove(reconciler, key)
        if await self._is_held(reconciler, key, planned):
            self._stands(key)
            return await reconciler.look(key)
        if why := planned.invalid.get(key):
            self._stuck.add(key)
            return await reconciler.refuse(key, generation, why, planned.revision)
        part = planned.sets.get(key)
        if part is None:  # it came after the planning, and is asked for again
            return Outcome()
        self._stuck.discard(key)
        if key.namespace and part.tenant not in self._standing:
            return Outcome()  # it comes again once its tenant's place is made
        outcome = await reconciler.make(key, part, planned.generations[key], planned.revision)
        if outcome.ok:
            self._stands(key)
        return outcome

    async def _is_held(self, reconciler: Reconciler, key: Ref, planned: Plans) -> bool:
        """Whether a roll-out leaves it as it is for now. What is asked for by itself is made."""
        tenant = key.name if key.kind == kinds.TENANT.kind else ""
        if key.namespace and (home := self.known.homes.get(key.namespace)):
            tenant = home.name
        if not tenant or key in self._asked or self._drifted.get(key):
            return False

        async def changes() -> bool:
            part = planned.sets.get(key)
            return part is None or await reconciler.would_change(part)

        return await self._roll_out.holds(key, tenant, planned.revision, changes)

    def _stands(self, key: Ref) -> None:
        """The place of a tenant is made: its workloads may be."""
        if key.kind == kinds.TENANT.kind and key.name not in self._standing:
            self._standing.add(key.name)
            self._workloads_of(key.name, Urgency.NOW)

    async def _remove(self, reconciler: Reconciler, key: Ref) -> Outcome:
        """Only a Tenant has anything to be drained: what other specs became goes with them."""
        if key.kind != kinds.TENANT.kind:
            return Outcome()
        self._standing.discard(key.name)
        return await reconciler.remove(key)

    def _finish(self, key: Ref, outcome: Outcome) -> None:
        """What was heard of while the key was worked on is news, unless it was done here."""
        heard, wrote = self._echoes.pop(key, {}), outcome.wrote.items()
        done = wrote | {(step.ref, _GONE) for step in outcome.steps if step.action is Action.PRUNE}
        news = {ref: what for (ref, version), what in heard.items() if (ref, version) not in done}
        drifted = self._drifted.pop(key, {})
        drifted |= {ref: what for ref, what in news.items() if what}
        told = self._tell_of_drift(key, outcome, drifted)
        self._asked.discard(key)
        if key.kind == kinds.TENANT.kind and done:
            self._verifier.look(key.name)
        self.queue.done(key, failed=not outcome.ok)
        if news:
            self._drifted[key] = {ref: drifted[ref] for ref in drifted.keys() - told}
            self.queue.add(key)
        elif outcome.again is not None:
            self.queue.later(key, outcome.again)

    def _tell_of_drift(self, key: Ref, outcome: Outcome, drifted: dict[Ref, str]) -> set[Ref]:
        """Tell what was put right; those that were."""
        again = (Action.CREATE, Action.UPDATE)
        told = {step.ref for step in outcome.steps if step.action in again} & drifted.keys()
        for ref in sorted(told):
            log.info("drift corrected", object=ref, cause=drifted[ref])
            said = f"{ref}, {drifted[ref]}, is as this says again"
            self._events.tell(key, self.known.uids.get(key, ""), "DriftCorrected", said)
            self._metrics.drift.labels(ref.kind).inc()
        return told

    def _on_change(self, old: Object | None, new: Object | None) -> None:
        """The cache heard of a change."""
        obj = new or old
        assert obj is not None  # noqa: S101 - a change has one of the two
        if is_ours(obj):
            self._on_status(ref_of(obj), new)
            if self.known.change(old, new):
                self._on_spec(ref_of(obj), there=new is not None)
            return
        if ref_of(obj) == _RUNS and self.synced.is_set():
            self._verifier.ran(new)
        if kind_of(obj) in METERED:
            self._meter.heard(old, new)
        else:
            self._meter.heard_of_controller(old, new)
        if self.synced.is_set() and kind_of(obj) in LOOKED_AT and is_news(old, new):
            self._verifier.heard(obj)
        if kind_of(obj) == NAMESPACE:
            for tenant in self.known.change_namespace(old, new) & self.known.tenants.keys():
                self.queue.add(ref_of_tenant(tenant))
        self._on_member(obj, old, new)

    def _on_status(self, ref: Ref, obj: Object | None) -> None:
        """A status is another than before; None, of what is no more."""
        if ref.kind != kinds.TENANT.kind:
            return
        if obj is None:
            self._metrics.tenants.forget(ref.name)
            self._roll_out.heard(ref.name, None)
            return
        with suppress(ValidationError):  # another version's, which says what we do not know
            status = TenantStatus.model_validate(obj.get("status") or {})
            self._metrics.tenants.tell(ref.name, status)
            if self._roll_out.heard(ref.name, status):
                self._workloads_of(ref.name, Urgency.AT_LEISURE)

    def _on_member(self, obj: Object, old: Object | None, new: Object | None) -> None:
        owner = self._owners.owner(obj)
        if owner is None and old is not None:  # somebody took its mark away
            owner = self._owners.owner(old)
        if owner is None or not self.synced.is_set():
            return
        if not is_news(old, new):
            if kind_of(obj) in COUNTING:
                self.queue.later(owner, limits().operator.usage)
            return
        ref, what = ref_of(obj), ""
        if new is None:
            what = "deleted by somebody"
        elif old is not None and (who := last_writer(new)):
            what = f"changed by {who}"
        if self.queue.is_working(owner):
            version = new["metadata"]["resourceVersion"] if new else _GONE
            self._echoes.setdefault(owner, {})[ref, version] = what
            return
        if what:
            self._drifted.setdefault(owner, {})[ref] = what
        self.queue.add(owner)

    def _on_spec(self, ref: Ref, *, there: bool) -> None:
        """A spec says something else than before."""
        if there:
            self._owners.know(ref)
        else:
            self._owners.forget(ref)
            self._standing.discard(ref.name)
            self._stuck.discard(ref)
        urgency = Urgency.NOW if self.synced.is_set() else Urgency.AT_LEISURE
        self.queue.add(ref, urgency)
        for stuck in self._stuck:
            self.queue.add(stuck, Urgency.AT_LEISURE)
        if ref.kind in _COMMON:
            self._tools_seen = 0.0
            if self.synced.is_set():
                self._everyone()
        elif ref.kind == kinds.TENANT.kind and self.synced.is_set():
            self._verifier.look(ref.name)
            self._roll_out.wake()
            self._peers_of(ref.name)
            self._workloads_of(ref.name, Urgency.AT_LEISURE)

    def _peers_of(self, name: str) -> None:
        """Traffic between two tenants needs the consent of both: the other one's side follows."""
        for peer in sorted(self.known.peers.get(name, ())):
            self._asked.add(ref_of_tenant(peer))
            self.queue.add(ref_of_tenant(peer), Urgency.AT_LEISURE)

    def _workloads_of(self, tenant: str, urgency: Urgency) -> None:
        for ref in self.known.workloads_of(tenant):
            self.queue.add(ref, urgency)

    def _everyone(self) -> None:
        """What all have in common is perhaps another than before: they follow in their turn."""
        for name in self.known.tenants:
            self._verifier.look(name)
        self._roll_out.turn(self._not_served)
        for ref in list(self.known.broken):
            self.queue.add(ref, Urgency.AT_LEISURE)
