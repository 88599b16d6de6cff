"""How many replicas a Model shall have for what its team's proxies say that it was asked."""

from typing import Any

import pytest

from engine_specs import model
from manor.operator.demand import Asked, Demand, read_asked

pytestmark = pytest.mark.unit

TOLD = """
# TYPE envoy_cluster_upstream_cx_connect_fail counter
envoy_cluster_upstream_cx_connect_fail{envoy_cluster_name="httproute/vision/digits/rule/0"} 39
envoy_cluster_upstream_cx_connect_fail{envoy_cluster_name="xds_cluster"} 3
# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{envoy_cluster_name="httproute/vision/digits/rule/0/backend/0"} 7
envoy_cluster_upstream_rq_total{envoy_cluster_name="httproute/vision/digits/rule/0/backend/1"} 1
envoy_cluster_upstream_rq_total{envoy_cluster_name="httproute/speech/digits/rule/0"} 5
# TYPE envoy_cluster_upstream_rq_active gauge
envoy_cluster_upstream_rq_active{envoy_cluster_name="httproute/vision/digits/rule/0"} 2
"""


def test_a_proxy_tells_of_each_route_by_its_place() -> None:
    assert read_asked(TOLD) == {
        ("vision", "digits"): Asked(active=2, sent=8, unreached=39),
        ("speech", "digits"): Asked(sent=5),
    }


def demand(**autoscaling: Any) -> tuple[Demand, Any]:
    return Demand(0.0), model(replicas=2, autoscaling={"maxReplicas": 6, **autoscaling})


def test_nobody_asks_for_long() -> None:
    asked, served = demand(idleAfter="1m")
    asked.hear(0.0, {"a": Asked(sent=5)})
    assert asked.replicas(59.9, served, 2) == 2
    assert asked.replicas(60.0, served, 2) == 0
    assert asked.replicas(60.0, served, 0) == 0


@pytest.mark.parametrize("more", [Asked(sent=6), Asked(sent=5, unreached=1), Asked(5, 5)])
def test_whoever_asks_or_waits_keeps_it_and_brings_it_back(more: Asked) -> None:
    asked, served = demand(idleAfter="1m")
    asked.hear(0.0, {"a": Asked(sent=5)})
    asked.hear(59.0, {"a": more})
    assert [asked.replicas(now, served, 0) for now in (61.0, 118.9, 119.0)] == [2, 2, 0]


def test_what_a_proxy_counted_before_it_was_heard_is_not_new() -> None:
    """An operator that begins, or a proxy that is replaced, wakes no model."""
    asked, served = demand(idleAfter="1m")
    asked.hear(70.0, {"a": Asked(sent=5)})
    asked.hear(71.0, {"b": Asked(sent=1)})
    asked.hear(72.0, {"b": Asked()})  # it began anew
    assert asked.replicas(72.0, served, 0) == 0
    asked.hear(73.0, {"b": Asked(unreached=1)})
    assert asked.replicas(73.0, served, 0) == 2


def test_a_model_with_a_canary_is_not_put_away() -> None:
    asked = Demand(0.0)
    canary = {"storageUri": "pvc://models/next", "weight": 10}
    served = model(canary=canary, autoscaling={"maxReplicas": 1, "idleAfter": "1m"})
    assert [asked.replicas(999.0, served, current) for current in (0, 1)] == [1, 1]


def test_by_cpu_use_the_number_is_anothers_to_say() -> None:
    asked, served = demand(idleAfter="1h")
    assert [asked.replicas(1.0, served, current) for current in (0, 2, 5)] == [2, 2, 5]


def test_as_many_replicas_as_take_the_requests_on_average() -> None:
    """More at once, up to the most; fewer once fewer have done for five minutes."""
    asked, served = demand(concurrency=4)
    for second in range(15):
        asked.hear(float(second), {"a": Asked(active=8), "b": Asked(active=5)})
    assert asked.replicas(15.0, served, 2) == 4
    asked.hear(31.0, {"a": Asked(active=1000)})
    assert asked.replicas(31.0, served, 4) == 6
    asked.hear(60.0, {"a": Asked()})
    assert asked.replicas(60.0, served, 6) == 6
    asked.hear(400.0, {"a": Asked()})
    assert asked.replicas(400.0, served, 6) == 2
