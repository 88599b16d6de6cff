"""The scheduler alone places a tenant's pods."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod, pod_spec, workloads
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-023",
    title="Choose the node past the scheduler",
    guarantee="The scheduler alone places a tenant's pods.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.7.1",
        "Kubernetes: Multi-tenancy, node isolation",
    ),
    attempt="Creates Pods, and all that makes them, with `nodeName` set.",
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "nodeName": create(pod(nodeName="any-node")),
            **{kind: create(obj) for kind, obj in workloads(pod_spec(nodeName="any-node")).items()},
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
