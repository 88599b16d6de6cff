"""What a Model is asked through its team's proxies, and how many replicas that takes.

Source: Envoy's statistics of clusters (its documentation, "Cluster manager"), in Prometheus' text
format. Envoy Gateway names a cluster by the route that leads to it.
"""

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from prometheus_client.parser import text_string_to_metric_families

from manor.api import Model
from manor.limits import limits

STATISTICS = (
    "/stats/prometheus?filter="
    "^cluster\\.httproute/.*\\.upstream_(rq_active|rq_total|cx_connect_fail)$"
)
"""Where a proxy tells what this reads, and little besides."""
_PREFIX = "envoy_cluster_upstream_"
Place = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True)
class Asked:
    """What one proxy was asked for one Model since it began."""

    active: int = 0
    """Requests that a replica works on."""
    sent: int = 0
    """Requests that reached a replica."""
    unreached: int = 0
    """Tries to reach a replica that found none."""

    def is_more_than(self, other: "Asked") -> bool:
        """Whether somebody asked since the other was read."""
        return bool(self.active) or self.sent > other.sent or self.unreached > other.unreached


_FIELDS = {"rq_active": "active", "rq": "sent", "cx_connect_fail": "unreached"}


def read_asked(text: str) -> dict[Place, Asked]:
    """What a proxy tells of each route. ValueError where it is no such text."""
    found: dict[Place, Asked] = defaultdict(Asked)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            counted = _FIELDS.get(sample.name.removeprefix(_PREFIX).removesuffix("_total"))
            kind, *named = sample.labels.get("envoy_cluster_name", "").split("/")
            if counted is None or kind != "httproute" or len(named) < 2:
                continue
            place = named[0], named[1]
            told = getattr(found[place], counted) + int(sample.value)
            found[place] = replace(found[place], **{counted: told})
    return dict(found)


@dataclass
class Demand:
    """What is asked of one Model, as it is heard of again and again."""

    since: float
    """When it was last asked, or was first heard of."""
    _before: Mapping[str, Asked] = field(default_factory=dict)
    """What each proxy told last."""
    _active: deque[tuple[float, int]] = field(default_factory=deque)
    """How many requests there were at once."""
    _wanted: deque[tuple[float, int]] = field(default_factory=deque)
    """How many replicas that took."""

    def hear(self, now: float, told: Mapping[str, Asked]) -> None:
        """What each proxy tells by now. Of one that was not heard before nobody knows what is
        new: what waits there tries again, and shows the next time."""
        before, self._before = self._before, told
        if any(name in before and one.is_more_than(before[name]) for name, one in told.items()):
            self.since = now
        _keep(
            self._active,
            now,
            sum(one.active for one in told.values()),
            limits().operator.asked_mean,
        )

    def replicas(self, now: float, model: Model, current: int) -> int:
        """How many there shall be where `current` are asked for: none once nobody asked for long,
        as many as the requests take, and else as many as there are."""
        spec, idle = model.spec, model.idle_seconds
        if spec.autoscaling is None:
            return current
        if idle is not None and now - self.since >= idle and spec.canary is None:
            self._wanted.clear()
            return 0
        if spec.autoscaling.concurrency is None:  # others may add some, by CPU use
            return current or spec.replicas
        mean = sum(count for _, count in self._active) / max(len(self._active), 1)
        takes = math.ceil(mean / spec.autoscaling.concurrency)
        _keep(self._wanted, now, takes, limits().operator.asked_less)
        most = max(count for _, count in self._wanted)
        return min(max(most, spec.replicas), spec.autoscaling.max_replicas)


def _keep(history: deque[tuple[float, int]], now: float, count: int, span: float) -> None:
    history.append((now, count))
    while history[0][0] <= now - span:
        history.popleft()
