"""`manor get tenants`."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from manor.api import API_VERSION, Platform, Tenant, kinds
from manor.cli.cluster import told_state
from manor.cli.completion import complete_tenants
from manor.cli.get.options import Output, Watch
from manor.cli.listing import Listing, Row, Source, show
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import ListFormat, run_async
from manor.kube import Client, Object
from manor.render import spec_object, url
from manor.rollout import Usage, usage

BUDGET = {
    "CPU": "requests.cpu",
    "MEMORY": "requests.memory",
    "STORAGE": "requests.storage",
    "PODS": "pods",
}
"""The columns of a budget, each with what a ResourceQuota calls it."""
WIDE = ("EDITORS", "VIEWERS", "TOOLS")


@run_async
async def tenants(
    name: Annotated[
        list[str] | None,
        typer.Argument(help="Names of tenants; all when absent.", autocompletion=complete_tenants),
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = ListFormat.table,
    watch: Watch = False,
) -> None:
    """List the tenants that you may see, with what they use of their budget.

    Examples:

    \b
        manor get tenants
        manor get tenants vision -o yaml
        manor get tenants -w
    """
    async with Client.connect(kubeconfig, context) as client:

        async def look() -> Listing:
            return await _listing(client, name or [])

        sources = [Source(API_VERSION, kinds.TENANT.kind), Source("v1", "ResourceQuota")]
        await show(client, look, output, sources if watch else None)


async def _listing(client: Client, names: Sequence[str]) -> Listing:
    known = await told_state(client, names=names, workloads=False)
    wanted = [tenant for tenant in known.tenants.values() if not names or tenant.name in names]
    if missing := sorted(set(names) - {tenant.name for tenant in wanted}):
        there = ", ".join(known.tenants) or "none"
        raise typer.BadParameter(f"no tenant {', '.join(missing)}; there are: {there}")
    uses = await usage(client, wanted, known)
    gpus = gpu_resources(known.platform)
    columns = [*BUDGET, *(["GPU"] if gpus else [])]
    rows = [_row(tenant, uses[tenant.name], known.platform, gpus) for tenant in wanted]
    return Listing(("NAME", "NAMESPACES", "OWNERS", *columns, "URL"), WIDE, rows)


def _row(tenant: Tenant, uses: Usage, platform: Platform | None, gpus: Sequence[str]) -> Row:
    hosts = tenant.hosts(platform.spec.domain) if platform else ()
    urls = [url(platform, host) for host in hosts] if platform else []
    kept = tenant.kept_namespaces
    named = [f"{place} (kept)" if place in kept else place for place in uses.namespaces]
    cells = (
        *(tenant.name, ",".join(named), _people(tenant, "owner")),
        *(of_budget(uses, part) for part in [*BUDGET.values(), *gpus[:1]]),
        ",".join(urls),
    )
    wide = (_people(tenant, "editor"), _people(tenant, "viewer"), ",".join(tenant.spec.tools or ()))
    return Row(cells, tuple(text or "-" for text in wide), partial(described, tenant, uses))


def described(tenant: Tenant, uses: Usage) -> Object:
    """The tenant with its namespaces and what it uses, as its status says it."""
    used = {resource: used for resource, (used, _) in uses.budget.items()}
    hard = {resource: hard for resource, (_, hard) in uses.budget.items()}
    status = {"namespaces": list(uses.namespaces), "quota": {"used": used, "hard": hard}}
    return spec_object(tenant) | {"status": status}


def of_budget(uses: Usage, resource: str) -> str:
    """How much of a resource is used, of how much."""
    return "/".join(uses.budget[resource]) if resource in uses.budget else "-"


def gpu_resources(platform: Platform | None) -> list[str]:
    """What a ResourceQuota calls the Platform's GPUs."""
    return [f"requests.{name}" for name in platform.spec.gpu.resource_names] if platform else []


def _people(tenant: Tenant, role: str) -> str:
    return ",".join(person.name for person in tenant.subjects(role))
