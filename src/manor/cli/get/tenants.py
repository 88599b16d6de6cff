"""`manor get tenants`."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from manor.api import API_VERSION, Platform, Tenant, kinds
from manor.api.status import ConditionType, Status
from manor.api.subjects import Role
from manor.cli.cluster import told_state
from manor.cli.completion import complete_tenants
from manor.cli.get.options import BUDGET, Output, Watch
from manor.cli.listing import Listing, Row, Source, show
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import ListFormat, run_async
from manor.errors import ManorError
from manor.kube import Client, Object
from manor.render import spec_object, url
from manor.state import State, Usage, every_quota, is_operated, told_usage, usage

_STORED = "stored, and nothing was made of it: `manor apply` makes it so"
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
    """List the tenants that you may see, how they stand, and what they use of their budget.

    Examples:

    \b
        manor get tenants
        manor get tenants vision -o yaml
        manor get tenants -w
    """
    async with Client.connect(kubeconfig, context) as client:

        async def look() -> Listing:
            table = output in (ListFormat.table, ListFormat.wide)
            return await _listing(client, name or [], table=table)

        sources = [Source(API_VERSION, kinds.TENANT.kind), Source("v1", "ResourceQuota")]
        nothing = "no tenants that you may see"
        alone = len(name or ()) == 1
        await show(client, look, output, nothing, sources if watch else None, alone=alone)


async def _listing(client: Client, names: Sequence[str], *, table: bool) -> Listing:
    # What a table shows an operator keeps in the tenants' statuses; of many tenants the quotas are
    # most of what there is to read.
    operated = table and await is_operated(client, patient=False)
    quotas = None if operated else asyncio.create_task(every_quota(client))
    known = await told_state(client, names=names, workloads=False)
    wanted = [tenant for tenant in known.tenants.values() if not names or tenant.name in names]
    if missing := sorted(set(names) - {tenant.name for tenant in wanted}):
        there = ", ".join(known.tenants) or "none"
        raise ManorError(f"there is no tenant {', '.join(missing)}; you may see: {there}")
    uses = told_usage(wanted, known) if operated else None
    if uses is None:
        uses = await usage(client, wanted, known, await (quotas or every_quota(client)))
    gpus = gpu_resources(known.platform)
    stand = [_stands(known.status_of(tenant), uses[tenant.name]) for tenant in wanted]
    messages = any(message for _, message in stand)
    rows = [
        _row(tenant, known, uses[tenant.name], gpus, (word, message) if messages else (word,))
        for tenant, (word, message) in zip(wanted, stand, strict=True)
    ]
    columns = [*BUDGET, *(["GPU"] if gpus else []), "URL", *(["MESSAGE"] if messages else [])]
    return Listing(("NAME", "STATUS", "NAMESPACES", "OWNERS", *columns), WIDE, rows)


def _row(
    tenant: Tenant, known: State, uses: Usage, gpus: Sequence[str], stand: tuple[str, ...]
) -> Row:
    platform = known.platform
    hosts = tenant.hosts(platform.spec.domain) if platform else ()
    urls = [url(platform, host) for host in hosts] if platform else []
    kept = tenant.kept_namespaces
    named = [f"{place} (kept)" if place in kept else place for place in uses.namespaces]
    cells = (
        *(tenant.name, stand[0], ",".join(named), _people(tenant, "owner")),
        *(of_budget(uses, part) for part in [*BUDGET.values(), *gpus[:1]]),
        *(",".join(urls), *stand[1:]),
    )
    wide = (_people(tenant, "editor"), _people(tenant, "viewer"), ",".join(tenant.spec.tools or ()))
    described = partial(_described, tenant, known.status_of(tenant), uses)
    return Row(cells, tuple(text or "-" for text in wide), described)


def _stands(status: Status | None, uses: Usage) -> tuple[str, str]:
    """How a tenant stands, and why it is no further: as is said of it, or else as is seen."""
    if ready := status and status.condition(ConditionType.READY):
        if ready.status == "True":
            return ready.type, ""
        return ready.reason, ready.message
    return ("Applied", "") if uses.budget else ("NotApplied", _STORED)


def _described(tenant: Tenant, status: Status | None, uses: Usage) -> Object:
    """The tenant with its namespaces and what it uses, as its status says it."""
    used = {resource: used for resource, (used, _) in uses.budget.items()}
    hard = {resource: hard for resource, (_, hard) in uses.budget.items()}
    seen = {"namespaces": list(uses.namespaces), "quota": {"used": used, "hard": hard}}
    return spec_object(tenant) | {"status": {**(status.written() if status else {}), **seen}}


def of_budget(uses: Usage, resource: str) -> str:
    """How much of a resource is used, of how much."""
    return "/".join(uses.budget[resource]) if resource in uses.budget else "-"


def gpu_resources(platform: Platform | None) -> list[str]:
    """What a ResourceQuota calls the Platform's GPUs."""
    return [f"requests.{name}" for name in platform.spec.gpu.resource_names] if platform else []


def _people(tenant: Tenant, role: Role) -> str:
    return ",".join(person.name for person in tenant.subjects(role))
