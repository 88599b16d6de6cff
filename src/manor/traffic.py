"""What the server of a model has counted: its requests by status, and how long they took.

Source: the metrics of MLServer (its documentation, "Metrics"), in Prometheus' text format.
"""

import math
from collections import Counter
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

_DURATION = "rest_server_request_duration_seconds"
"""A histogram over every path, the probes' too."""
_ASKED = ("infer", "infer_stream", "generate", "generate_stream")
"""How the paths end by which a model is asked."""


@dataclass
class Traffic:
    """Requests since the pods that counted them began."""

    statuses: Counter[str] = field(default_factory=Counter)
    """Requests by the HTTP status of their answer."""
    buckets: Counter[float] = field(default_factory=Counter)
    """Requests that took so many seconds at most."""

    @property
    def requests(self) -> int:
        """All of them."""
        return self.statuses.total()

    def answered(self, hundreds: str) -> int:
        """Those whose status begins with this digit."""
        return sum(n for status, n in self.statuses.items() if status.startswith(hundreds))

    def add(self, other: "Traffic") -> None:
        """Count another pod's too."""
        self.statuses.update(other.statuses)
        self.buckets.update(other.buckets)

    def since(self, before: "Traffic") -> "Traffic":
        """What was counted since; all of it, where who counts began anew."""
        if self.requests < before.requests:
            return self
        return Traffic(self.statuses - before.statuses, self.buckets - before.buckets)

    def quantile(self, part: float) -> float | None:
        """The seconds within which this part of the requests was answered, by a line within a
        bucket, as Prometheus' `histogram_quantile` draws it. None where there were none."""
        wanted = part * self.buckets[math.inf]
        below, least = 0, 0.0
        for bound, count in sorted(self.buckets.items()):
            if count >= wanted and count > below:
                if bound == math.inf:
                    return least
                return least + (bound - least) * (wanted - below) / (count - below)
            below, least = count, bound
        return None


def read_traffic(text: str) -> Traffic:
    """What these metrics tell. ValueError where they are none."""
    found = Traffic()
    for family in text_string_to_metric_families(text):
        if family.name != _DURATION:
            continue
        for sample in family.samples:
            if sample.labels["path"].rpartition("/")[2] not in _ASKED:
                continue
            if sample.name.endswith("_count"):
                found.statuses[sample.labels["status_code"]] += int(sample.value)
            elif sample.name.endswith("_bucket"):
                found.buckets[float(sample.labels["le"])] += int(sample.value)
    return found
