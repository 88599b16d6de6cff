"""Who gives GPUs back, gives them back soon."""

from collections.abc import Mapping

from manor.verify.attacks import refused
from manor.verify.attempt import Asked
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import accelerators, container, pod, pod_spec, workloads
from manor.verify.requests import Request, create

SECONDS = 3600
"""What any other pod may have."""


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    queued = context.queue
    if context.attacker.tenant and not context.attacker.tenant.spec.gpu.total:
        raise Asked(f"{context.attacker.name} has no GPUs")
    greedy = pod_spec(container(resources=accelerators(context.gpu)), terminationGracePeriodSeconds=SECONDS)
    made = {f"a {kind}": create(obj) for kind, obj in workloads(greedy, queued).items()}
    holding = container(resources=accelerators(context.gpu))
    return {**made, "a Pod": create(pod(holding, meta=queued, terminationGracePeriodSeconds=SECONDS))}


CHECK = Check(
    id="MNR-QUOTA-015",
    title="Keep borrowed GPUs by a long grace period",
    guarantee="GPUs that are another team's go back to it within the Platform's `gpu.graceSeconds`.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("Kueue: Preemption", "Kubernetes: Pod lifecycle, termination"),
    attempt="Creates Jobs, Deployments and Pods with a GPU that may take an hour to end.",
    expect="Refused by the policy manor-pod-fields.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(
        _attacks, by=policy("pod-fields"), control={"without a GPU": create(pod(terminationGracePeriodSeconds=SECONDS))}
    ),
)
