"""What no quota bounds, and everybody's etcd, controllers and nodes hold, is small."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import NAME, Object, make
from manor.verify.requests import create


def _event(message: str) -> Object:
    about = {"apiVersion": "v1", "kind": "Pod", "name": NAME, "namespace": "$own"}
    return make("v1", "Event", involvedObject=about, reason="Probe", type="Normal", message=message)


def _autoscaler(metrics: int) -> Object:
    target = {"type": "AverageValue", "averageValue": "1"}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
        "maxReplicas": 2,
        "metrics": [
            {"type": "Pods", "pods": {"metric": {"name": f"m{number}"}, "target": target}}
            for number in range(metrics)
        ],
    }
    return make("autoscaling/v2", "HorizontalPodAutoscaler", spec=spec)


CHECK = Check(
    id="MNR-QUOTA-018",
    title="Fill etcd with large Events, or a controller's time with metrics",
    guarantee="What no quota counts or bounds is small.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Kubernetes: --event-ttl",),
    attempt="Creates an Event of 100,000 characters, and an autoscaler of 1,000 metrics.",
    expect="Refused by the policy manor-sizes, or 403 from RBAC.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "an Event of 100,000 characters": create(_event("x" * 100_000)),
            "an autoscaler of 1,000 metrics": create(_autoscaler(1000)),
        },
        by=any_of(policy("sizes"), RBAC),
        control={"an Event": create(_event("x")), "an autoscaler": create(_autoscaler(1))},
    ),
)
