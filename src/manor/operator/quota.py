"""What a tenant's namespaces use of its budget, for its status."""

from manor.api import Platform, Tenant
from manor.api.status import QuotaStatus
from manor.api.wellknown import QUOTA
from manor.kube import Cache
from manor.rollout.usage import budget


async def quota_status(cache: Cache, platform: Platform, tenant: Tenant) -> QuotaStatus:
    """The sums over the quotas of the tenant's namespaces."""
    found = [
        await cache.find("v1", "ResourceQuota", QUOTA, space.name) for space in tenant.namespaces
    ]
    sums = {
        resource: pair
        for resource, pair in budget([quota for quota in found if quota]).items()
        if not resource.startswith("count/")  # objects come and go with everything people do
    }
    used = {resource: pair[0] for resource, pair in sums.items()}
    hard = {resource: pair[1] for resource, pair in sums.items()}

    def shown(resource: str) -> str:
        return f"{used[resource]}/{hard[resource]}" if resource in hard else ""

    return QuotaStatus(
        used=used,
        hard=hard,
        cpu=shown("requests.cpu"),
        memory=shown("requests.memory"),
        storage=shown("requests.storage"),
        gpus=_gpus(platform, used, hard),
    )


def _gpus(platform: Platform, used: dict[str, str], hard: dict[str, str]) -> str:
    """Of all resources that are GPUs, in whole ones."""
    names = [name for name in platform.spec.gpu.resource_names if f"requests.{name}" in hard]
    if not names:
        return ""

    def count(amounts: dict[str, str]) -> str:
        whole = platform.spec.gpu.gpus_in(
            {name: int(amounts[f"requests.{name}"]) for name in names}
        )
        return f"{float(whole):g}"

    return f"{count(used)}/{count(hard)}"
