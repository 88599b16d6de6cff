"""Runtime class, priority class and scheduler are those allowed to the tenant."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod, pod_spec, workloads
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-026",
    title="Use foreign runtime classes, priorities and schedulers",
    guarantee="Runtime class, priority class and scheduler are those allowed to the tenant.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CVE-2022-0811 (class)",
        "Kubernetes: Pod priority and preemption (abuse)",
    ),
    attempt="Creates Pods with a runtime class and a scheduler that nobody allowed.",
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "a runtime class": create(
                workloads(pod_spec(runtimeClassName="manor-verify"))["Deployment"]
            ),
            "a scheduler": create(pod(schedulerName="manor-verify")),
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
