"""A job waits in its own tenant's queues, and what holds GPUs waits in one of them."""

from collections.abc import Mapping

from manor.api.wellknown import QUEUE_LABEL
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import policy
from manor.verify.objects import accelerators, container, pod, pod_spec, workloads
from manor.verify.requests import Request, create

QUEUE = "manor-verify-others"


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    """GPUs without a queue are tried where there is a queue system and the tenant may have GPUs."""
    named = {"labels": {QUEUE_LABEL: QUEUE}}
    found = {
        **{
            f"Kueue's label on a {kind}": create(obj)
            for kind, obj in workloads(pod_spec(), named).items()
        },
        "Kueue's label on a Pod": create(pod(meta=named)),
    }
    tenant = context.attacker.tenant
    if context.queued and tenant and tenant.spec.gpu.total:
        greedy = container(resources=accelerators(context.gpu))
        found |= {
            f"a {kind} with a GPU and no queue": create(obj)
            for kind, obj in workloads(pod_spec(greedy)).items()
        }
        found["a Pod with a GPU and no queue"] = create(pod(greedy))
    return found


CHECK = Check(
    id="MNR-POD-036",
    title="Put a job into another team's queue",
    guarantee=(
        "A job waits in its own tenant's queues; where there is a queue system, nothing "
        "holds GPUs without one."
    ),
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "kai-scheduler/KAI-Scheduler#2068",
        "volcano-sh/volcano#5251",
        "Kueue: LocalQueue",
    ),
    attempt=(
        "Creates Jobs, Deployments and Pods that name a queue which is not the tenant's own, "
        "and, where there is a "
        "queue system, such that hold a GPU and name none."
    ),
    expect="Refused by the policy manor-queues.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        _attacks,
        by=policy("queues"),
        control={"a Job without a queue": create(workloads(pod_spec())["Job"])},
    ),
)
