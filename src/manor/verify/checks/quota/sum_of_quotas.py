"""The quotas of a tenant's namespaces add up to its budget at most."""

from manor.api.quantity import parse
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds, need, seen
from manor.verify.ground import Ground
from manor.verify.trial import Trial

KEYS = {
    "requests.cpu": "cpu",
    "requests.memory": "memory",
    "limits.memory": "memory",
    "requests.storage": "storage",
    "requests.ephemeral-storage": "ephemeral_storage",
    "pods": "pods",
}


async def _look(ground: Ground) -> list[Trial]:
    tenant = ground.attacker.tenant
    need(tenant, "the tenant was given by hand: no budget is known")
    assert tenant is not None  # noqa: S101 - need() has raised otherwise
    spaces = [space.name for space in tenant.namespaces]
    quotas = {space: await ground.snapshot.of("v1", "ResourceQuota", space) for space in spaces}
    trials = [seen("the budget is known", str(tenant.spec.quota))]
    for key, field in KEYS.items():
        limit = parse(str(getattr(tenant.spec.quota, field)))
        # Of several quotas in one namespace the tightest counts.
        parts = [
            [q["spec"]["hard"][key] for q in found if key in q["spec"].get("hard", {})] for found in quotas.values()
        ]
        fine = all(parts) and sum(min(map(parse, part)) for part in parts) <= limit
        got = f"{' + '.join(min(part, key=parse) if part else 'unlimited' for part in parts)} of {limit}"
        trials.append(holds(f"{key} over {', '.join(spaces)}", fine, got, "quota"))
    return trials


CHECK = Check(
    id="MNR-QUOTA-010",
    title="Take the budget once in each namespace",
    guarantee="The quotas of a tenant's namespaces add up to its budget at most.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "MTB-PL1-CC-FNS-1: Configure namespace resource quotas",
        "projectcapsule/capsule: resource quota scope Tenant",
    ),
    attempt="Adds up the ResourceQuotas over the tenant's namespaces and compares with the Tenant's spec.",
    expect="Each sum is at most the budget; each namespace has a quota.",
    remedy="`manor apply` divides the budget again.",
    run=_look,
)
