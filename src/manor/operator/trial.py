"""A canary at one share of the requests: what it answered, what the model did beside it, and what
follows.

Source: as of `manor.operator.demand`. Where no replica answers, Envoy does, and counts that as an
answer of the version that was asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from manor.api.quantity import seconds
from manor.api.workload import Analysis
from manor.operator.demand import Place
from manor.traffic import Traffic

ANSWERS = "/stats/prometheus?filter=^cluster\\.httproute/.*\\.upstream_rq_([1-5]xx|time)$"
"""Where a proxy tells of the answers of each version."""
_PREFIX = "envoy_cluster_upstream_rq_"
_VERSIONS = {"0": "model", "1": "canary"}
"""By the place of its Service in the route."""


@dataclass
class Answers:
    """What two versions have answered."""

    model: Traffic = field(default_factory=Traffic)
    canary: Traffic = field(default_factory=Traffic)


def read_answers(text: str) -> dict[Place, Answers]:
    """What a proxy tells of each route whose versions it counts apart. ValueError where it is no
    such text."""
    found: dict[Place, Answers] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            parts = sample.labels.get("envoy_cluster_name", "").split("/")
            if len(parts) != 7 or parts[5] != "backend" or parts[6] not in _VERSIONS:
                continue
            answers = found.setdefault((parts[1], parts[2]), Answers())
            version: Traffic = getattr(answers, _VERSIONS[parts[6]])
            counted, value = sample.name.removeprefix(_PREFIX), int(sample.value)
            if counted.removesuffix("_total") == "xx":
                version.statuses[f"{sample.labels['envoy_response_code_class']}xx"] += value
            elif counted == "time_bucket":
                version.buckets[float(sample.labels["le"]) / 1000] += value
    return found


class Verdict(NamedTuple):
    """What came of a trial: it passed, or did not; None while it goes on."""

    passed: bool | None
    why: str


@dataclass
class Trial:
    """One share of the requests."""

    weight: int
    since: float
    _answers: Answers = field(default_factory=Answers)
    _before: Mapping[str, Answers] = field(default_factory=dict)

    @property
    def _going(self) -> str:
        # No number that changes: every word of it is written into the status.
        return f"it is judged at {self.weight} % of the requests"

    def hear(self, told: Mapping[str, Answers]) -> None:
        """What each proxy tells by now; what it told first was before this trial."""
        for proxy, now in told.items():
            if then := self._before.get(proxy):
                self._answers.model.add(now.model.since(then.model))
                self._answers.canary.add(now.canary.since(then.canary))
        self._before = told

    def verdict(self, now: float, analysis: Analysis) -> Verdict:
        """As far as it can be told; where nobody is sent to it yet, there is nothing to find."""
        if not self.weight:
            return Verdict(True, "it answers")
        asked, errors = self._answers.canary.requests, _error_percent(self._answers.canary)
        if asked < analysis.min_requests:
            return Verdict(None, self._going)
        own = _error_percent(self._answers.model)
        said = f"{errors:.1f} % of {asked} requests failed, {own:.1f} % of the model's"
        if errors > max(analysis.max_error_percent, own):
            return Verdict(False, said)
        most, p99 = analysis.max_p99_milliseconds, self._answers.canary.quantile(0.99)
        if p99 is not None:
            said += f"; p99 {p99 * 1000:.0f} ms"
            if most is not None and p99 * 1000 > most:
                return Verdict(False, f"{said}, more than {most}")
        over = now - self.since >= seconds(analysis.interval)
        return Verdict(True, said) if over else Verdict(None, self._going)


def _error_percent(traffic: Traffic) -> float:
    return 100 * traffic.answered("5") / traffic.requests if traffic.requests else 0.0


def next_weight(weight: int, analysis: Analysis) -> int | None:
    """The share after this one; None where the canary takes the model's place."""
    return next((step for step in analysis.steps if step > weight), None)
