"""What the operator tells Prometheus. Labels are bounded: kinds and outcomes; a tenant's name where
the number of tenants bounds it."""

from collections import Counter as Count
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from sys import intern

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from manor.api.quantity import parse
from manor.api.status import ConditionType, TenantStatus

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


_TOLD = (
    ConditionType.READY,
    ConditionType.RECONCILING,
    ConditionType.STALLED,
    ConditionType.ISOLATED,
)
"""The conditions of tenants that are counted."""


@dataclass(frozen=True, slots=True)
class _Standing:
    conditions: tuple[str, ...]
    """The status of each of the conditions told."""
    quota: tuple[tuple[str, float, float], ...]
    """Each resource with what is used of it and may be."""


class TenantGauges(Collector):
    """How the tenants stand, from their statuses: counted when it is asked for."""

    def __init__(self) -> None:
        self._standings: dict[str, _Standing] = {}

    def tell(self, name: str, status: TenantStatus) -> None:
        """A tenant's status."""
        found = [status.condition(kind) for kind in _TOLD]
        used, hard = (status.quota.used, status.quota.hard) if status.quota else ({}, {})
        self._standings[name] = _Standing(
            tuple(condition.status if condition else "Unknown" for condition in found),
            tuple(
                (intern(resource), float(parse(used.get(resource, "0"))), float(parse(most)))
                for resource, most in hard.items()
            ),
        )

    def forget(self, name: str) -> None:
        """A tenant that is no more."""
        self._standings.pop(name, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics, with every label that they may have."""
        standings = list(self._standings.items())
        tenants = GaugeMetricFamily(
            "manor_tenants", "Tenants by condition.", labels=["condition", "status"]
        )
        counted = Count(
            pair for _, one in standings for pair in zip(_TOLD, one.conditions, strict=True)
        )
        for condition, status in product(_TOLD, ("True", "False", "Unknown")):
            tenants.add_metric([condition, status], counted[condition, status])
        yield tenants
        labels = ["tenant", "resource"]
        used = GaugeMetricFamily(
            "manor_tenant_quota_used", "What a tenant uses of its budget.", labels=labels
        )
        hard = GaugeMetricFamily(
            "manor_tenant_quota_hard", "What a tenant's budget allows.", labels=labels
        )
        for name, one in standings:
            for resource, amount, most in one.quota:
                used.add_metric([name, resource], amount)
                hard.add_metric([name, resource], most)
        yield used
        yield hard


class Metrics:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        into = self.registry
        self.tenants = TenantGauges()
        into.register(self.tenants)
        self._reconciles = Counter(
            "manor_reconciles", "Specs that were worked on.", ["kind", "outcome"], registry=into
        )
        self._duration = Histogram(
            "manor_reconcile_seconds",
            "Seconds to make one spec so.",
            ["kind"],
            buckets=_SECONDS,
            registry=into,
        )
        self._waited = Histogram(
            "manor_queue_seconds",
            "Seconds that a spec waited until it was worked on.",
            ["kind"],
            buckets=_SECONDS,
            registry=into,
        )
        self.planning = Histogram(
            "manor_plan_seconds",
            "Seconds to check and render the specs of one batch.",
            buckets=_SECONDS,
            registry=into,
        )
        self.drift = Counter(
            "manor_drift_corrected",
            "Objects put right after somebody else's write.",
            ["kind"],
            registry=into,
        )
        self.waiting = Gauge("manor_queue_length", "Specs that wait.", registry=into)
        self.followed = Gauge(
            "manor_rollout_tenants",
            "Tenants, by whether they follow the Platform and its Tools as they are now.",
            ["follows"],
            registry=into,
        )
        self.stopped = Gauge(
            "manor_rollout_stopped",
            "Whether a roll-out waits for a tenant that somebody has to look after.",
            registry=into,
        )
        self.verify_failed = Gauge(
            "manor_verify_failed",
            "Tenants, or the platform, for which a check is open.",
            ["check"],
            registry=into,
        )
        self.verify_undetermined = Gauge(
            "manor_verify_undetermined",
            "Tenants, or the platform, for which a check could not tell.",
            ["check"],
            registry=into,
        )
        self.verified = Histogram(
            "manor_verify_seconds",
            "Seconds to look after one tenant, or after what concerns all.",
            ["scope"],
            buckets=_SECONDS,
            registry=into,
        )
        self.verify_ran = Gauge(
            "manor_verify_last_run_timestamp_seconds",
            "When everything was last looked after, in seconds since 1970.",
            registry=into,
        )
        self.verify_run = Gauge(
            "manor_verify_run_timestamp_seconds",
            "When the last run of `manor verify --keep-report` began, in seconds since 1970.",
            ["level"],
            registry=into,
        )
        self.leader = Gauge(
            "manor_leader", "Whether this replica is the one that works.", registry=into
        )

    def reconciled(self, kind: str, ok: bool, waited: float, seconds: float) -> None:
        """One spec was worked on."""
        self._reconciles.labels(kind, "ok" if ok else "failed").inc()
        self._waited.labels(kind).observe(waited)
        self._duration.labels(kind).observe(seconds)
