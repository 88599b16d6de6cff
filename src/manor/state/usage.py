"""What a tenant's namespaces use of its budget, and may use, together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from manor.api import Tenant
from manor.api.quantity import canonical, is_binary, parse
from manor.api.status import TenantStatus
from manor.api.wellknown import MANAGED
from manor.kube import Client, Forbidden, Object
from manor.state.reading import State


@dataclass(frozen=True)
class Usage:
    """The tenant's namespaces, and each resource of their quotas: used and hard, as quantities."""

    namespaces: tuple[str, ...]
    budget: Mapping[str, tuple[str, str]]


async def every_quota(client: Client) -> list[Object] | None:
    """The quotas of all tenants; None for who may look into the own namespaces alone."""
    try:
        return await client.list("v1", "ResourceQuota", labels=MANAGED)
    except Forbidden:
        return None


async def usage(
    client: Client, tenants: Iterable[Tenant], known: State, found: Sequence[Object] | None
) -> dict[str, Usage]:
    """The usage of each of `tenants`, by name, from the quotas that `every_quota` has found."""
    spaces = _spaces(tenants, known)
    if found is None:
        found = await _quotas(client, [space for places in spaces.values() for space in places])
    quotas = defaultdict[str, list[Object]](list)
    for quota in found:
        quotas[quota["metadata"]["namespace"]].append(quota)
    return {
        name: Usage(tuple(places), budget([quota for place in places for quota in quotas[place]]))
        for name, places in spaces.items()
    }


def told_usage(tenants: Sequence[Tenant], known: State) -> dict[str, Usage] | None:
    """The same as an operator keeps it in statuses, of the resources that tenants' specs give
    amounts of; None where it says nothing of a tenant yet."""
    uses, spaces = {}, _spaces(tenants, known)
    for tenant in tenants:
        status = known.status_of(tenant)
        if not isinstance(status, TenantStatus) or status.quota is None:
            return None
        used, hard = status.quota.used, status.quota.hard
        amounts = {resource: (used.get(resource, "0"), hard[resource]) for resource in hard}
        uses[tenant.name] = Usage(tuple(spaces[tenant.name]), amounts)
    return uses


def _spaces(tenants: Iterable[Tenant], known: State) -> dict[str, list[str]]:
    """The tenants' namespaces, those that owners made themselves behind those of the file."""
    owned = defaultdict[str, list[str]](list)
    for namespace, owner in sorted(known.namespaces.items()):
        owned[owner].append(namespace)
    spaces = {}
    for tenant in tenants:
        own = [space.name for space in tenant.namespaces]
        spaces[tenant.name] = own + [name for name in owned[tenant.name] if name not in own]
    return spaces


async def _quotas(client: Client, namespaces: Iterable[str]) -> list[Object]:
    found = [await client.list("v1", "ResourceQuota", name, labels=MANAGED) for name in namespaces]
    return [quota for quotas in found for quota in quotas]


def budget(quotas: Sequence[Object]) -> dict[str, tuple[str, str]]:
    """What the quotas say together: of each resource, used and hard."""
    if len(quotas) == 1:  # most tenants have one namespace, and the server's amounts are canonical
        (quota,) = quotas
        used = (quota.get("status") or {}).get("used") or {}
        hard = quota["spec"]["hard"]
        return {resource: (used.get(resource, "0"), hard[resource]) for resource in sorted(hard)}
    resources = sorted({resource for quota in quotas for resource in quota["spec"]["hard"]})
    return {
        resource: (_sum(quotas, "used", resource), _sum(quotas, "hard", resource))
        for resource in resources
    }


def _sum(quotas: Sequence[Object], what: str, resource: str) -> str:
    field = "status" if what == "used" else "spec"
    values = [quota.get(field, {}).get(what, {}).get(resource, "0") for quota in quotas]
    binary = any(is_binary(quota["spec"]["hard"].get(resource, "")) for quota in quotas) or any(
        map(is_binary, values)
    )
    return canonical(sum(map(parse, values), start=parse("0")), binary=binary)
