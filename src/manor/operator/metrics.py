"""What the operator tells Prometheus. Labels are bounded: kinds and outcomes; a tenant's name where
the number of tenants bounds it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        into = self.registry
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
        self.leader = Gauge(
            "manor_leader", "Whether this replica is the one that works.", registry=into
        )

    def reconciled(self, kind: str, ok: bool, waited: float, seconds: float) -> None:
        """One spec was worked on."""
        self._reconciles.labels(kind, "ok" if ok else "failed").inc()
        self._waited.labels(kind).observe(waited)
        self._duration.labels(kind).observe(seconds)
