"""Who gives GPUs back, gives them back soon."""

from collections.abc import Mapping
from typing import Any

from manor.verify.attacks import refused
from manor.verify.attempt import Asked
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import Object, accelerators, container, pod, pod_spec, workloads
from manor.verify.requests import Request, create

SECONDS = 3600
"""What any other pod may have."""


def _waiting(obj: Object, queued: Mapping[str, Any]) -> Object:
    """The object with its queue where its kind has it: another policy would refuse it otherwise,
    perhaps first."""
    spec = obj["spec"]
    if obj["kind"] == "CronJob":
        return {
            **obj,
            "spec": {**spec, "jobTemplate": {**spec["jobTemplate"], "metadata": dict(queued)}},
        }
    if obj["kind"] == "Job":
        return obj
    meta = spec["template"].get("metadata", {})
    labels = {**meta.get("labels", {}), **queued.get("labels", {})}
    return {
        **obj,
        "spec": {**spec, "template": {**spec["template"], "metadata": {**meta, "labels": labels}}},
    }


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    queued = context.queue
    if context.attacker.tenant and not context.attacker.tenant.spec.gpu.total:
        raise Asked(f"{context.attacker.name} has no GPUs")
    greedy = pod_spec(
        container(resources=accelerators(context.gpu)), terminationGracePeriodSeconds=SECONDS
    )
    made = {
        f"a {kind}": create(_waiting(obj, queued))
        for kind, obj in workloads(greedy, queued).items()
    }
    holding = container(resources=accelerators(context.gpu))
    return {
        **made,
        "a Pod": create(pod(holding, meta=queued, terminationGracePeriodSeconds=SECONDS)),
    }


CHECK = Check(
    id="MNR-QUOTA-015",
    title="Keep borrowed GPUs by a long grace period",
    guarantee=(
        "GPUs that are another team's go back to it within the Platform's `gpu.graceSeconds`."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("Kueue: Preemption", "Kubernetes: Pod lifecycle, termination"),
    attempt="Creates Jobs, Deployments and Pods with a GPU that may take an hour to end.",
    expect="Refused by the policy manor-pod-fields.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(
        _attacks,
        by=policy("pod-fields"),
        control={"without a GPU": create(pod(terminationGracePeriodSeconds=SECONDS))},
    ),
)
