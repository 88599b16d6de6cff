"""Queues, and what was admitted in them, are the platform's to write."""

from collections.abc import Mapping

from manor.api.wellknown import KUEUE_GROUP
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS, TWO_TENANTS
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import NAME, make, pod
from manor.verify.requests import Request, create, delete_all, patch

API = f"{KUEUE_GROUP}/v1beta2"


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    queue = context.queue["labels"]
    theirs = {"clusterQueue": context.victim.name}
    admitted = {"queueName": next(iter(queue.values())), "podSets": [{"name": "main", "count": 1}]}
    return {
        "a queue of its own": create(make(API, "LocalQueue", spec=theirs)),
        "its queue onto another's budget": patch(
            API, "LocalQueue", next(iter(queue.values())), {"spec": theirs}, "$own"
        ),
        "a Workload of its own": create(make(API, "Workload", spec=admitted)),
        "a Workload admitted by itself": patch(
            API, "Workload", NAME, {"status": {"admission": theirs}}, "$own", subresource="status"
        ),
        "every Workload of another team gone": delete_all(API, "Workload", "$other"),
        "a budget of its own": create(
            make(API, "ClusterQueue", namespace=None, spec={"cohortName": "manor"})
        ),
    }


CHECK = Check(
    id="MNR-QUOTA-014",
    title="Write queues, and what was admitted in them",
    guarantee="Queues, and what the queue system has admitted, are the platform's to write.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Kueue: RBAC", "Kueue: LocalQueue"),
    attempt=(
        "Creates and changes LocalQueues, ClusterQueues and Workloads, writes a Workload's "
        "admission, deletes those of "
        "another team."
    ),
    expect="403 from RBAC, or refused by the policy manor-reserved.",
    remedy="Remove the binding that gives it (`manor verify --only MNR-PLATFORM-005` names it).",
    requires=(TENANTS, TWO_TENANTS),
    run=refused(_attacks, by=any_of(RBAC, policy("reserved")), control=create(pod())),
)
