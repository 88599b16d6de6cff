"""What follows of what a canary answers."""

from collections import Counter
from typing import Any

import pytest

from manor.api.workload import Analysis
from manor.operator.trial import Answers, Trial, next_weight, read_answers
from manor.traffic import Traffic

pytestmark = pytest.mark.unit

ROUTE = 'envoy_cluster_name="httproute/vision/digits/rule/0'
CLUSTER = f"{ROUTE}/backend/"
TOLD = f"""
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",{CLUSTER}0"}} 90
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",{CLUSTER}1"}} 8
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",{CLUSTER}1"}} 2
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",{ROUTE}"}} 7
# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{{{CLUSTER}1",le="10"}} 5
envoy_cluster_upstream_rq_time_bucket{{{CLUSTER}1",le="+Inf"}} 10
envoy_cluster_upstream_rq_time_sum{{{CLUSTER}1"}} 100
envoy_cluster_upstream_rq_time_count{{{CLUSTER}1"}} 10
"""


def test_a_proxy_counts_versions_apart() -> None:
    (answers,) = (read_answers(TOLD)["vision", "digits"],)
    assert (answers.model.requests, answers.model.answered("5")) == (90, 0)
    assert (answers.canary.requests, answers.canary.answered("5")) == (10, 2)
    assert answers.canary.buckets[0.01] == 5


def traffic(good: int = 0, bad: int = 0, seconds: float = 0.01) -> Traffic:
    many = good + bad
    return Traffic(Counter({"2xx": good, "5xx": bad}), Counter({seconds: many, float("inf"): many}))


def passed(
    canary: Traffic, model: Traffic | None = None, *, after: float = 300.0, **analysis: Any
) -> bool | None:
    """What is found of a canary that answered so after some seconds."""
    trial = Trial(10, 0.0)
    trial.hear({"a": Answers(traffic(1000, 500), traffic(1000, 500))})  # of before
    both = Answers(traffic(1000, 500), traffic(1000, 500))
    both.model.add(model or traffic(90))
    both.canary.add(canary)
    trial.hear({"a": both})
    return trial.verdict(after, Analysis(**analysis)).passed


def test_it_passes_once_its_time_is_over_and_enough_asked() -> None:
    assert passed(traffic(100)) is True
    assert passed(traffic(100), after=299.0) is None
    assert passed(traffic(19), after=9999.0) is None
    assert passed(traffic(19), minRequests=19) is True


def test_errors_end_it_at_once_unless_the_model_errs_as_often() -> None:
    assert passed(traffic(97, 3), after=1.0) is False
    assert passed(traffic(99, 1)) is True
    assert passed(traffic(97, 3), traffic(90, 10)) is True
    assert passed(traffic(0, 19), after=1.0) is None  # too few to tell
    assert passed(traffic(97, 3), maxErrorPercent=3) is True


def test_late_answers_end_it_where_a_time_is_said() -> None:
    slow = traffic(100, seconds=0.9)
    assert passed(slow) is True
    assert passed(slow, after=1.0, maxP99Milliseconds=500) is False
    assert passed(slow, maxP99Milliseconds=1000) is True


def test_a_proxy_that_began_anew_takes_nothing_away() -> None:
    trial = Trial(10, 0.0)
    trial.hear({"a": Answers(traffic(500), traffic(500))})
    trial.hear({"a": Answers(traffic(10), traffic(0, 10)), "b": Answers(traffic(5), traffic(0, 5))})
    trial.hear({"a": Answers(traffic(20), traffic(0, 20)), "b": Answers(traffic(9), traffic(0, 9))})
    verdict = trial.verdict(1.0, Analysis())
    assert verdict == (False, "100.0 % of 24 requests failed, 0.0 % of the model's")


def test_shares_grow_step_by_step_to_the_whole() -> None:
    analysis = Analysis(steps=[25, 50])
    assert [next_weight(now, analysis) for now in (0, 10, 25, 50)] == [25, 25, 50, None]
    assert [next_weight(now, Analysis()) for now in (0, 10, 50)] == [10, 50, None]
    assert Trial(0, 0.0).verdict(0.0, analysis).passed is True
