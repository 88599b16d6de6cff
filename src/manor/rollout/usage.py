"""What a tenant's namespaces use of its budget, and may use, together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from manor.api import Tenant
from manor.api.quantity import canonical, is_binary, parse
from manor.kube import Client, Forbidden, Object
from manor.state import State

SELECTOR = "app.kubernetes.io/managed-by=manor"


@dataclass(frozen=True)
class Usage:
    """The tenant's namespaces, and each resource of their quotas: used and hard, as quantities."""

    namespaces: tuple[str, ...]
    budget: Mapping[str, tuple[str, str]]


async def usage(client: Client, tenants: Iterable[Tenant], known: State) -> dict[str, Usage]:
    """The usage of each of `tenants`, by name."""
    spaces = {tenant.name: _namespaces(tenant, known) for tenant in tenants}
    quotas = await _quotas(client, [space for places in spaces.values() for space in places])
    return {name: Usage(tuple(places), _budget(quotas, places)) for name, places in spaces.items()}


def _namespaces(tenant: Tenant, known: State) -> list[str]:
    """The tenant's namespaces, those that its owners made themselves behind those of its file."""
    own = [space.name for space in tenant.namespaces]
    return own + sorted(name for name, owner in known.namespaces.items() if owner == tenant.name and name not in own)


async def _quotas(client: Client, namespaces: Iterable[str]) -> list[Object]:
    try:
        return await client.list("v1", "ResourceQuota", label_selector=SELECTOR)
    except Forbidden:  # a member may look into the namespaces of its own tenant
        found = [await client.list("v1", "ResourceQuota", name, label_selector=SELECTOR) for name in namespaces]
        return [quota for quotas in found for quota in quotas]


def _budget(quotas: Sequence[Object], namespaces: Sequence[str]) -> dict[str, tuple[str, str]]:
    here = [quota for quota in quotas if quota["metadata"]["namespace"] in namespaces]
    resources = sorted({resource for quota in here for resource in quota["spec"]["hard"]})
    return {resource: (_sum(here, "used", resource), _sum(here, "hard", resource)) for resource in resources}


def _sum(quotas: Sequence[Object], what: str, resource: str) -> str:
    field = "status" if what == "used" else "spec"
    values = [quota.get(field, {}).get(what, {}).get(resource, "0") for quota in quotas]
    binary = any(is_binary(quota["spec"]["hard"].get(resource, "")) for quota in quotas) or any(map(is_binary, values))
    return canonical(sum(map(parse, values), start=parse("0")), binary=binary)
