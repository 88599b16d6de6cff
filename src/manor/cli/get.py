"""`manor get`: what is on the cluster."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from manor.api import Platform, Tenant
from manor.api.quantity import canonical, is_binary, parse
from manor.cli.cluster import read_known
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import out, run_async, to_json, to_yaml
from manor.kube import Client, Object
from manor.render import spec_object, url

app = typer.Typer(help="List what is on the cluster.", no_args_is_help=True)


class Format(StrEnum):
    """How a list is printed."""

    table = "table"
    json = "json"
    yaml = "yaml"


@app.command()
@run_async
async def tenants(
    name: Annotated[list[str] | None, typer.Argument(help="Names of tenants; all when absent.")] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How the list is printed.")] = Format.table,
) -> None:
    """List the tenants, with what they use of their budget.

    Examples:

        manor get tenants

        manor get tenants vision -o yaml
    """
    async with Client.connect(kubeconfig, context) as client:
        known = await read_known(client)
        quotas = await client.list("v1", "ResourceQuota", label_selector="app.kubernetes.io/managed-by=manor")
    wanted = [tenant for tenant in known.tenants.values() if not name or tenant.name in name]
    if missing := sorted(set(name or []) - known.tenants.keys()):
        raise typer.BadParameter(f"no tenant {', '.join(missing)}; there are: {', '.join(known.tenants) or 'none'}")
    if output is not Format.table:
        objects = [spec_object(tenant) for tenant in wanted]
        typer.echo(to_json(objects) if output is Format.json else to_yaml(objects), nl=False)
        return
    out.print(_table(wanted, known.platform, quotas))


def _table(tenants: list[Tenant], platform: Platform | None, quotas: list[Object]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("NAME", "NAMESPACES", "OWNERS", "CPU", "MEMORY", "PODS", "URL"):
        table.add_column(column, overflow="fold")
    for tenant in tenants:
        spaces = [space.name for space in tenant.namespaces]
        used = [_used(quotas, spaces, resource) for resource in ("requests.cpu", "requests.memory", "pods")]
        urls = [url(platform, host) for host in tenant.hosts(platform.spec.domain)] if platform else []
        owners = ", ".join(owner.name for owner in tenant.subjects("owner"))
        table.add_row(tenant.name, ", ".join(spaces), owners, *used, "\n".join(urls))
    return table


def _used(quotas: list[Object], namespaces: list[str], resource: str) -> str:
    here = [q for q in quotas if q["metadata"]["namespace"] in namespaces]
    hard = [q["spec"]["hard"][resource] for q in here]
    used = [q.get("status", {}).get("used", {}).get(resource, "0") for q in here]
    binary = any(map(is_binary, [*hard, *used]))
    return " / ".join(canonical(sum(map(parse, values), start=parse("0")), binary=binary) for values in (used, hard))
