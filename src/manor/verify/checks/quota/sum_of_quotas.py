"""The quotas of a tenant's namespaces add up to its budget at most."""

from collections.abc import Mapping

from manor.api.platform import GpuSettings
from manor.api.quantity import parse
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.findings import holds, seen
from manor.verify.objects import Object

KEYS = {
    "requests.cpu": "cpu",
    "requests.memory": "memory",
    "limits.memory": "memory",
    "requests.storage": "storage",
    "requests.ephemeral-storage": "ephemeral_storage",
    "pods": "pods",
}


async def _look(context: AttackContext) -> list[Attempt]:
    tenant = context.tenant
    spaces = [space.name for space in tenant.namespaces]
    quotas = {space: await context.snapshot.of("v1", "ResourceQuota", space) for space in spaces}
    attempts = [seen("the budget is known", str(tenant.spec.quota))]
    for key, field in KEYS.items():
        limit = parse(str(getattr(tenant.spec.quota, field)))
        # Of several quotas in one namespace the tightest counts.
        parts = [
            [q["spec"]["hard"][key] for q in found if key in q["spec"].get("hard", {})]
            for found in quotas.values()
        ]
        fine = all(parts) and sum(min(map(parse, part)) for part in parts) <= limit
        got = (
            f"{' + '.join(min(part, key=parse) if part else 'unlimited' for part in parts)} of "
            f"{limit}"
        )
        attempts.append(holds(f"{key} over {', '.join(spaces)}", fine, got, "quota"))
    if context.tenancy.platform is not None:
        attempts.append(_gpus(context.tenancy.platform.spec.gpu, tenant.spec.gpu.total, quotas))
    return attempts


def _gpus(gpu: GpuSettings, total: int, quotas: Mapping[str, list[Object]]) -> Attempt:
    """All resources that count as a GPU share one budget, over all namespaces."""
    held: dict[str, int] = dict.fromkeys(gpu.resource_names, 0)
    unlimited = []
    for space, found in quotas.items():
        for name in held:
            keys = {f"requests.{name}", f"{name}.deviceclass.resource.k8s.io/devices"}
            limits = [
                int(parse(amount))
                for q in found
                for key, amount in q["spec"]["hard"].items()
                if key in keys
            ]
            if limits:
                held[name] += min(limits)
            else:
                unlimited.append(f"{name} in {space}")
    got = (
        f"{', '.join(f'{count} {name}' for name, count in held.items())}: "
        f"{float(gpu.gpus_in(held)):g} of {total} GPUs"
    )
    what = "GPUs over all resources and namespaces"
    return holds(
        what, not unlimited and gpu.gpus_in(held) <= total, "; ".join([got, *unlimited]), "quota"
    )


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
    attempt=(
        "Adds up the ResourceQuotas over the tenant's namespaces, and over the resources that "
        "count as GPUs, and "
        "compares with the Tenant's spec."
    ),
    expect="Each sum is at most the budget; each namespace has a quota.",
    remedy="`manor apply` divides the budget again.",
    requires=(TENANTS,),
    run=_look,
    kept=True,
)
