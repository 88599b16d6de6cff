"""Looks after isolation: the checks that need no more than the operator sees run after each change,
over what it concerns, and over everything by the hour. What turns is told, and so is what a run of
`manor verify` that keeps its report found by the other checks."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from manor import log
from manor.api import kinds
from manor.api.status import Condition, ConditionType, Reason
from manor.api.wellknown import (
    FLOWCONTROL_API,
    GROUP,
    MANAGED,
    NETWORKING_API,
    OPERATOR,
    RBAC_API,
    RBAC_GROUP,
    SYSTEM_NAMESPACE,
    VERIFY_REPORT,
    VERIFY_RUNS,
    tenant_cluster_role,
)
from manor.errors import ManorError
from manor.kube import Cache, Client, KubeError, Object
from manor.limits import limits
from manor.objectset.kinds import (
    NAMESPACE,
    GroupKind,
    group_of,
    kind_of,
)
from manor.objectset.references import Ref
from manor.operator.events import Recorder
from manor.operator.known import Known, ref_of_tenant
from manor.operator.looking import Looking, kept_checks
from manor.operator.metrics import Metrics
from manor.operator.queue import Queue
from manor.operator.statuses import Statuses
from manor.polling import poll_until
from manor.verify import Finding, ReportError, Run, Status, read_runs
from manor.verify.kept import REASON_LIMIT

_POLICY = "ValidatingAdmissionPolicy"
_CLUSTER_ROLE = (RBAC_GROUP, "ClusterRole")
FOLLOWED = (
    ("v1", "Namespace"),
    ("v1", "ResourceQuota"),
    (NETWORKING_API, "NetworkPolicy"),
    *((RBAC_API, kind) for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")),
    *((FLOWCONTROL_API, kind) for kind in ("FlowSchema", "PriorityLevelConfiguration")),
    *(("admissionregistration.k8s.io/v1", kind) for kind in (_POLICY, f"{_POLICY}Binding")),
)
"""What the checks read, as it is watched: all of it, whoever made it."""
LOOKED_AT: frozenset[GroupKind] = frozenset((group_of(version), kind) for version, kind in FOLLOWED)
_SHARE = 20
"""The part of a core, one in so many, that looking at what concerns all takes at most."""


class Verifier:
    """Runs beside the reconciliation, and lets it go first."""

    def __init__(
        self,
        client: Client,
        cache: Cache,
        known: Known,
        queue: Queue,
        statuses: Statuses,
        events: Recorder,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._cache = cache
        self._known = known
        self._queue = queue
        self._statuses = statuses
        self._events = events
        self._metrics = metrics
        self._looking = Looking(client, cache, known)
        self._changed: dict[str, None] = {}
        """Tenants that are to be looked at, in their order."""
        self._all_changed = False
        self._follows = False
        self._rested_until = 0.0
        self._news = asyncio.Event()
        self._found: dict[str, tuple[Finding, ...]] = {}
        """What is open, by tenant, and under an empty name what concerns all."""
        self._runs: list[Run] = []
        """The last runs of `manor verify`."""
        self._by_runs: dict[str, list[Finding]] = {}
        """What they found open, likewise."""
        self._counted: set[str] = set()
        """The checks that metrics tell of."""

    def look(self, tenant: str) -> None:
        """A tenant's places are perhaps other than before."""
        self._changed[tenant] = None
        self._news.set()

    def heard(self, obj: Object) -> None:
        """An object of the kinds that are looked at is other than before."""
        if not self._follows:  # everything is looked at first
            return
        kind, meta = kind_of(obj), obj["metadata"]
        place = meta["name"] if kind == NAMESPACE else meta.get("namespace", "")
        if tenant := self._known.homes.get(place):
            self.look(tenant.name)
        if kind == _CLUSTER_ROLE and not meta["name"].startswith(tenant_cluster_role("")):
            self._changed |= dict.fromkeys(self._known.tenants)  # any of them may be bound to it
        self._all_changed = True
        self._news.set()

    def ran(self, obj: Object | None) -> None:
        """The reports of the runs of `manor verify`, as they are kept: of each check the newest one
        counts, and of those that are run here none."""
        if not self._follows:  # it is read then
            return
        try:
            self._runs = read_runs((obj or {}).get("data") or {})
        except ReportError as error:
            log.info("a run is not told", cause=error)
            return
        newest = sorted(self._runs, key=lambda run: run.started)
        told_by = {check: run.level for run in newest for check in run.checks}
        for check in kept_checks():
            told_by.pop(check.id, None)
        before, found = self._by_runs, defaultdict[str, list[Finding]](list)
        for run in self._runs:
            for tenant, findings in run.open.items():
                found[tenant] += [one for one in findings if told_by.get(one.check) == run.level]
        self._by_runs = dict(found)
        self._changed |= dict.fromkeys(name for name in (*before, *found) if name)
        self._news.set()

    async def run(self) -> None:
        """Look after everything, then after each change, until cancelled."""
        await self._follow()
        self.ran(await self._cache.find("v1", "ConfigMap", VERIFY_RUNS, SYSTEM_NAMESPACE))
        due = 0.0
        while True:
            if everything := time.monotonic() >= due:
                due = time.monotonic() + limits().operator.verify
                self._changed |= dict.fromkeys(self._known.tenants)
                self._all_changed = True
            try:
                await self._look_at_what_changed(everything)
            except ManorError as error:
                log.info("isolation not told", cause=error)
            except Exception as error:  # a fault in a check never stops the operator
                log.error("looking after isolation broke", cause=repr(error))
            await self._wait(due)

    async def _follow(self) -> None:
        """Return once all that the checks read is known; the rights to it come with the
        Platform."""
        await asyncio.to_thread(kept_checks)
        while not self._follows:
            try:
                for api_version, kind in FOLLOWED:
                    await self._cache.follow(api_version, kind)
                self._follows = self._known.platform is not None
            except KubeError as error:
                log.info("isolation not looked after", cause=error)
            if not self._follows:
                await asyncio.sleep(limits().operator.look)

    async def _wait(self, due: float) -> None:
        """Until something is to be looked at."""
        now = time.monotonic()
        wait = due - now
        if self._changed:
            wait = limits().operator.verify_after
        elif self._all_changed:
            wait = max(self._rested_until - now, limits().operator.verify_after)
        try:
            async with asyncio.timeout(max(wait, 0.0)):
                await self._news.wait()
            await asyncio.sleep(limits().operator.verify_after)
        except TimeoutError:
            pass
        self._news.clear()

    async def _look_at_what_changed(self, everything: bool) -> None:
        later: dict[str, None] = {}
        while self._changed:
            await self._let_specs_go_first()
            name = next(iter(self._changed))
            del self._changed[name]
            ref = ref_of_tenant(name)
            if name not in self._known.tenants or ref in self._known.going:
                self._found.pop(name, None)
            elif self._queue.is_due(ref):
                later[name] = None  # it is being made so: what is half done is no finding
            else:
                await self._look_at(name)
        self._changed = later
        if self._all_changed and time.monotonic() >= self._rested_until:
            self._all_changed = False
            await self._let_specs_go_first()
            began = time.monotonic()
            self._found[""] = tuple(await self._looking.at_all())
            took = time.monotonic() - began
            self._rested_until = began + took * _SHARE
            self._metrics.verified.labels("cluster").observe(took)
        await self._tell_of_platform()
        if everything:
            self._metrics.verify_ran.set_to_current_time()

    async def _let_specs_go_first(self) -> None:
        async def idle() -> bool:
            return self._queue.idle

        bounds = limits().operator
        await poll_until(bool, idle, timeout=bounds.verify_idle, interval=bounds.verify_after)

    async def _look_at(self, name: str) -> None:
        began = time.monotonic()
        found = await self._looking.at_tenant(name)
        if found is None:
            self._found.pop(name, None)
            return
        self._metrics.verified.labels("tenant").observe(time.monotonic() - began)
        self._found[name] = tuple(found)
        try:
            await self._tell(ref_of_tenant(name), [*found, *self._by_runs.get(name, ())])
        except ManorError as error:
            log.info("isolation not told", tenant=name, cause=error)

    async def _tell_of_platform(self) -> None:
        """The Platform's condition, the metrics and the report: what is open anywhere."""
        here = {name: found for name, found in sorted(self._found.items()) if found}
        both = {
            name: [*here.get(name, ()), *self._by_runs.get(name, ())]
            for name in sorted(here.keys() | self._by_runs.keys())
            if name in self._known.tenants or not name
        }
        open_ = {name: found for name, found in both.items() if found}
        self._count(open_)
        tenants = [
            Finding(f"tenant {name}", finding.status, finding.reason)
            for name, found in open_.items()
            for finding in found[:1]
            if name
        ]
        # The report first: whoever sees the condition turn finds in it why.
        await self._report(here)
        await self._tell(
            Ref(GROUP, kinds.PLATFORM.kind, "", "manor"), [*open_.get("", ()), *tenants]
        )

    def _count(self, open_: Mapping[str, Sequence[Finding]]) -> None:
        counts = Counter((each.check, each.status) for found in open_.values() for each in found)
        checks = {check.id for check in kept_checks()}.union(*(run.checks for run in self._runs))
        for gauge, status in (
            (self._metrics.verify_failed, Status.FAIL),
            (self._metrics.verify_undetermined, Status.ERROR),
        ):
            for check in self._counted - checks:
                gauge.remove(check)
            for check in checks:
                gauge.labels(check).set(counts[check, status])
        self._counted = checks
        for run in self._runs:
            self._metrics.verify_run.labels(run.level).set(run.started.timestamp())

    async def _tell(self, key: Ref, found: Iterable[Finding]) -> None:
        """The condition, and an event where it turns."""
        generation = self._known.generations.get(key)
        if generation is None:
            return
        told = _condition(list(found), generation)
        before = await self._statuses.note(key, told)
        if told.status == before or (before is None and told.status == "True"):
            return
        uid, good = self._known.uids.get(key, ""), told.status == "True"
        said = told.message or "every check found what it must"
        self._events.tell(key, uid, told.reason, said, "Normal" if good else "Warning")
        log.info("isolation turned", object=key, cause=said)

    async def _report(self, found: dict[str, tuple[Finding, ...]]) -> None:
        """What is open, in a ConfigMap: written where it is another than before."""
        checks = defaultdict[str, dict[str, str]](dict)
        more: Counter[str] = Counter()
        for name, findings in found.items():
            for finding in findings:
                if len(checks[finding.check]) < limits().operator.verify_told:
                    said = finding.reason[:REASON_LIMIT]
                    checks[finding.check][name or "platform"] = f"{finding.status}: {said}"
                else:
                    more[finding.check] += 1
        report = {
            "checks": [check.id for check in kept_checks()],
            "open": checks,
            **({"more": more} if more else {}),
        }
        meta = {"name": VERIFY_REPORT, "namespace": SYSTEM_NAMESPACE, "labels": MANAGED}
        data = {"report.json": json.dumps(report, indent=1, sort_keys=True)}
        wanted: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        live = await self._cache.find("v1", "ConfigMap", VERIFY_REPORT, SYSTEM_NAMESPACE)
        if live is None or live.get("data") != data:
            answer = await self._client.apply(wanted, field_manager=OPERATOR, force=True)
            self._cache.wrote(answer)


def _condition(found: list[Finding], generation: int) -> Condition:
    failed = [finding for finding in found if finding.status is Status.FAIL]
    status, reason = "True", Reason.ISOLATED
    if failed:
        status, reason = "False", Reason.NOT_ISOLATED
    elif found:
        status, reason = "Unknown", Reason.UNDETERMINED
    return Condition.model_validate(
        {
            "type": ConditionType.ISOLATED,
            "status": status,
            "reason": reason,
            "message": "; ".join(map(str, failed or found)),
            "observedGeneration": generation,
        }
    )
