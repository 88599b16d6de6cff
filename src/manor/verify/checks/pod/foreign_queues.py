"""A job waits in its own tenant's queues."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod, pod_spec, workloads
from manor.verify.requests import create

QUEUE = "manor-verify-others"

CHECK = Check(
    id="MNR-POD-036",
    title="Put a job into another team's queue",
    guarantee="A job waits in its own tenant's queues.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "kai-scheduler/KAI-Scheduler#2068",
        "volcano-sh/volcano#5251",
        "Kueue: LocalQueue",
    ),
    attempt="Creates Jobs, Deployments and Pods that name a queue which is not the tenant's own.",
    expect="Refused by the policy manor-queues.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            **{
                f"Kueue's label on a {kind}": create(obj)
                for kind, obj in workloads(pod_spec(), {"labels": {"kueue.x-k8s.io/queue-name": QUEUE}}).items()
            },
            "Kueue's label on a Pod": create(pod(meta={"labels": {"kueue.x-k8s.io/queue-name": QUEUE}})),
        },
        by=policy("queues"),
        control={"a Job without a queue": create(workloads(pod_spec())["Job"])},
    ),
)
