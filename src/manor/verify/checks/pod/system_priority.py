"""No tenant's pod evicts the system's."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-027",
    title="Run with a system's priority",
    guarantee="No tenant's pod evicts the system's.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Kubernetes: Pod priority and preemption (abuse)",),
    attempt="Creates Pods with priority class system-cluster-critical and system-node-critical.",
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            name: create(pod(priorityClassName=name))
            for name in ("system-cluster-critical", "system-node-critical")
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
