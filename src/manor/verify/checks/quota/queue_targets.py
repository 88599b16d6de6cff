"""Each tenant's queues draw on its own budget."""

from manor.api.wellknown import KUEUE_GROUP, TENANT_LABEL
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.findings import holds, name_of, seen
from manor.verify.objects import Object

API = f"{KUEUE_GROUP}/v1beta2"


async def _look(context: AttackContext) -> list[Attempt]:
    name, space = context.attacker.name, context.attacker.namespace
    found = await context.snapshot.of(API, "LocalQueue", space)
    budgets = {
        obj["metadata"]["name"]: obj for obj in await context.snapshot.all(API, "ClusterQueue")
    }
    owners = {
        each: obj["metadata"].get("labels", {}).get(TENANT_LABEL) for each, obj in budgets.items()
    }
    foreign = [
        name_of(obj) for obj in found if owners.get(obj["spec"]["clusterQueue"]) not in (None, name)
    ]
    own = {"matchLabels": {TENANT_LABEL: name}}
    shared = [
        each for each, owner in owners.items() if owner == name and _selector(budgets[each]) != own
    ]
    return [
        seen(
            "queues and budgets",
            f"{len(found)} queues in {space}, {len(budgets)} ClusterQueues; {context.queue}",
        ),
        holds(
            f"queues of {space}",
            not foreign,
            f"on others' budgets: {', '.join(foreign) or 'none'}",
            "ClusterQueues",
        ),
        holds(
            f"budgets of {name}",
            not shared,
            f"open to others: {', '.join(shared) or 'none'}",
            "namespaceSelector",
        ),
    ]


def _selector(queue: Object) -> object:
    return queue["spec"].get("namespaceSelector")


CHECK = Check(
    id="MNR-QUOTA-017",
    title="Wait in a queue that draws on another team's budget",
    guarantee="A tenant's queues draw on its own budget, and its budget serves its own namespaces.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=("Kueue: LocalQueue", "Kueue: ClusterQueue, namespaceSelector"),
    attempt="Reads the LocalQueues of the tenant and the ClusterQueues that they name.",
    expect=(
        "Each leads to the tenant's own ClusterQueue, which serves the tenant's namespaces alone."
    ),
    remedy="`manor apply` writes the tenant's queues again; remove others.",
    requires=(TENANTS,),
    run=_look,
)
