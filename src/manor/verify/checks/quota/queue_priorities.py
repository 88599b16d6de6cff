"""Nobody goes before others in the queues but by a priority that it was given."""

from collections.abc import Mapping

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import pod, pod_spec, workloads
from manor.verify.requests import Request, create

PRIORITY = "kueue.x-k8s.io/priority-class"


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    first = {"labels": {**context.queue["labels"], PRIORITY: "manor-verify-first"}}
    return {
        **{
            f"a {kind} of a priority of its own": create(obj)
            for kind, obj in workloads(pod_spec(), first).items()
        },
        "a Pod of a priority of its own": create(pod(meta=first)),
    }


CHECK = Check(
    id="MNR-QUOTA-013",
    title="Go first in the queue by a priority that was not given",
    guarantee="In the queues a tenant has the priorities that it was given.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("Kueue: WorkloadPriorityClass", "volcano-sh/volcano#5251"),
    attempt=(
        "Creates Jobs, Deployments and Pods that name a WorkloadPriorityClass which is not "
        "the tenant's."
    ),
    expect="Refused by the policy manor-queues.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(_attacks, by=policy("queues"), control=create(pod())),
)
