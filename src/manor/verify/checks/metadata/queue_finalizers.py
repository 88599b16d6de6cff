"""A queue system's finalizer stands on what the queue system lets go again, and on nothing else."""

from collections.abc import Mapping

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import config_map, make, pod, pod_spec
from manor.verify.requests import Request, create

MANAGED = "kueue.x-k8s.io/managed"


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    labels = context.queue["labels"]
    marked = {"labels": {**labels, MANAGED: "true"}, "finalizers": [MANAGED]}
    job = make(
        "batch/v1", "Job", meta=marked, spec={"template": {"spec": pod_spec()}, "suspend": True}
    )
    return {
        "on a ConfigMap": create(config_map(meta=marked)),
        "on a Job": create(job),
        "on a Pod outside every queue": create(
            pod(meta={"finalizers": [MANAGED], "labels": {MANAGED: "true"}})
        ),
    }


CHECK = Check(
    id="MNR-METADATA-015",
    title="Leave a queue system's finalizer where nobody removes it",
    guarantee=(
        "A queue system's finalizer stands on pods in its queues alone, which it lets go again."
    ),
    severity=Severity.LOW,
    level=Level.DRY_RUN,
    references=("Kueue: Plain pods", "Kubernetes: Finalizers"),
    attempt=(
        "Creates a ConfigMap, a Job and a Pod outside every queue with Kueue's finalizer, "
        "which nobody removes."
    ),
    expect="Refused by the policy manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(_attacks, by=policy("metadata"), control=create(config_map())),
)
