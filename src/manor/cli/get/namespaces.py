"""`manor get namespaces`."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated

import typer

from manor.api.wellknown import MANAGED, TENANT_LABEL
from manor.cli.completion import complete_tenants
from manor.cli.get.options import BUDGET, Output, Watch
from manor.cli.listing import Listing, Row, Source, age, show
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import ListFormat, run_async
from manor.errors import ManorError
from manor.kube import Client, Forbidden, NotFound, Object


@run_async
async def namespaces(
    tenant: Annotated[
        list[str] | None,
        typer.Argument(help="Names of tenants; all when absent.", autocompletion=complete_tenants),
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = ListFormat.table,
    watch: Watch = False,
) -> None:
    """List the tenants' namespaces that you may see, with what each uses of its quota.

    Examples:

    \b
        manor get namespaces
        manor get namespaces vision -w
    """
    async with Client.connect(kubeconfig, context) as client:

        async def look() -> Listing:
            return await _listing(client, tenant or [])

        sources = [Source("v1", "Namespace"), Source("v1", "ResourceQuota")]
        nothing = "no namespaces of tenants that you may see"
        await show(client, look, output, nothing, sources if watch else None)


async def _listing(client: Client, tenants: Sequence[str]) -> Listing:
    try:
        spaces, quotas = await asyncio.gather(
            client.list("v1", "Namespace", labels={TENANT_LABEL: None}),
            client.list("v1", "ResourceQuota", labels=MANAGED),
        )
    except Forbidden:  # a member may look into the namespaces of its own tenant
        spaces, quotas = await _own(client, tenants)
    held = {quota["metadata"]["namespace"]: quota for quota in quotas}
    rows = [
        _row(space, held.get(space["metadata"]["name"]))
        for space in sorted(spaces, key=lambda one: (_tenant(one), one["metadata"]["name"]))
        if not tenants or _tenant(space) in tenants
    ]
    if missing := sorted(set(tenants) - {row.cells[1] for row in rows}):
        raise ManorError(f"no namespace of tenant {', '.join(missing)} that you may see")
    return Listing(("NAME", "TENANT", "STATUS", *BUDGET), ("GPU", "AGE"), rows)


async def _own(client: Client, tenants: Iterable[str]) -> tuple[list[Object], list[Object]]:
    """The namespaces of the tenants that the user is told of, and their quotas."""
    # It takes as long to import as all else, and who lists namespaces needs none of it.
    from manor.cli.cluster import told_state

    known = await told_state(client, names=tenants, workloads=False)
    spaces: list[Object] = []
    quotas: list[Object] = []
    for name in [space.name for tenant in known.tenants.values() for space in tenant.namespaces]:
        try:
            spaces.append(await client.get("v1", "Namespace", name))
            quotas += await client.list("v1", "ResourceQuota", name, labels=MANAGED)
        except (Forbidden, NotFound):
            continue
    return spaces, quotas


def _row(space: Object, quota: Object | None) -> Row:
    status = (quota or {}).get("status") or {}
    used, hard = status.get("used") or {}, status.get("hard") or {}
    gpus = [name for name in hard if name.startswith("requests.") and name.endswith("/gpu")]
    amounts = [
        f"{used.get(name, '0')}/{hard[name]}" if name in hard else "-"
        for name in (*BUDGET.values(), *(gpus[:1] or ["gpu"]))
    ]
    name, phase = space["metadata"]["name"], (space.get("status") or {}).get("phase", "-")
    cells = (name, _tenant(space), phase, *amounts[:-1])
    return Row(cells, (amounts[-1], age(space)), partial(_described, space, used, hard))


def _described(space: Object, used: Object, hard: Object) -> Object:
    status = {**(space.get("status") or {}), "quota": {"used": used, "hard": hard}}
    return {**space, "status": status}


def _tenant(space: Object) -> str:
    return str((space["metadata"].get("labels") or {}).get(TENANT_LABEL, ""))
