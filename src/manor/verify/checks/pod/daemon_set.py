"""No tenant runs a pod on every node."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import NAME, make, pod_spec, workloads
from manor.verify.requests import create

DAEMON_SET = make(
    "apps/v1",
    "DaemonSet",
    spec={
        "selector": {"matchLabels": {"app": NAME}},
        "template": {
            "metadata": {"labels": {"app": NAME}},
            "spec": pod_spec(restartPolicy="Always"),
        },
    },
)

CHECK = Check(
    id="MNR-POD-032",
    title="Run on every node",
    guarantee="No tenant runs a pod on every node.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("Kubernetes: Multi-tenancy, node isolation",),
    attempt="Creates a DaemonSet.",
    expect="Refused by the policy manor-pods, or 403 from RBAC.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "a DaemonSet": create(DAEMON_SET),
        },
        by=any_of(policy("pods"), RBAC),
        control={"a Deployment": create(workloads(pod_spec())["Deployment"])},
    ),
)
