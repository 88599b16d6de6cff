"""`manor get`: what is on the cluster."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from manor.api import Model, Platform, Tenant, TrainingJob, Workload
from manor.api.quantity import canonical, is_binary, parse
from manor.api.wellknown import MANAGED
from manor.apply.wait import hint
from manor.cli.cluster import told_state
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import echo, out, run_async, to_json, to_yaml
from manor.kube import Client, Forbidden, NotFound, Object
from manor.objectset.readiness import readiness
from manor.render import spec_object, url
from manor.state import State

app = typer.Typer(help="List what is on the cluster.", no_args_is_help=True)

BUDGET = {
    "CPU": "requests.cpu",
    "MEMORY": "requests.memory",
    "STORAGE": "requests.storage",
    "PODS": "pods",
}
"""The columns of a tenant's budget, each with what a ResourceQuota calls it."""


class Format(StrEnum):
    """How a list is printed."""

    table = "table"
    json = "json"
    yaml = "yaml"


Output = Annotated[Format, typer.Option("--output", "-o", help="How the list is printed.")]


@app.command()
@run_async
async def tenants(
    name: Annotated[list[str] | None, typer.Argument(help="Names of tenants; all when absent.")] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """List the tenants that you may see, with what they use of their budget.

    Examples:

        manor get tenants

        manor get tenants vision -o yaml
    """
    async with Client.connect(kubeconfig, context) as client:
        known = await told_state(client, names=name or [])
        wanted = [tenant for tenant in known.tenants.values() if not name or tenant.name in name]
        if missing := sorted(set(name or []) - {tenant.name for tenant in wanted}):
            there = ", ".join(known.tenants) or "none"
            raise typer.BadParameter(f"no tenant {', '.join(missing)}; there are: {there}")
        spaces = {tenant.name: _namespaces(tenant, known) for tenant in wanted}
        quotas = await _quotas(client, [space for places in spaces.values() for space in places])
    rows = [(tenant, spaces[tenant.name], _budget(quotas, spaces[tenant.name])) for tenant in wanted]
    if output is not Format.table:
        _print([spec_object(tenant) | {"status": _status(places, used)} for tenant, places, used in rows], output)
        return
    gpus = _gpus(known.platform)
    header = ["NAME", "NAMESPACES", "OWNERS", *BUDGET, *(["GPU"] if gpus else []), "URL"]
    shown = []
    for tenant, places, used in rows:
        owners = ",".join(owner.name for owner in tenant.subjects("owner"))
        urls = (
            [url(known.platform, host) for host in tenant.hosts(known.platform.spec.domain)] if known.platform else []
        )
        parts = [*BUDGET.values(), *gpus[:1]]
        budget = [f"{used[part][0]}/{used[part][1]}" if part in used else "-" for part in parts]
        named = [f"{place} (kept)" if place in tenant.kept_namespaces else place for place in places]
        shown.append([tenant.name, ",".join(named), owners, *budget, ",".join(urls)])
    _table(header, shown)


@app.command()
@run_async
async def trainingjobs(
    name: Annotated[list[str] | None, typer.Argument(help="Names of TrainingJobs; all when absent.")] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """List the TrainingJobs of a namespace, how they stand, and why one does not run.

    Examples:

        manor get trainingjobs -n vision
    """
    await _workloads(TrainingJob, name or [], namespace, (context, kubeconfig), output)


@app.command()
@run_async
async def models(
    name: Annotated[list[str] | None, typer.Argument(help="Names of Models; all when absent.")] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """List the Models of a namespace, how they stand, and why one does not answer.

    Examples:

        manor get models -n vision
    """
    await _workloads(Model, name or [], namespace, (context, kubeconfig), output)


async def _workloads(
    kind: type[Workload], names: Sequence[str], namespace: str | None, where: tuple[Any, Any], output: Format
) -> None:
    async with Client.connect(where[1], where[0]) as client:
        place = namespace or client.namespace
        known = await told_state(client, [place])
        found = [w for w in known.workloads if isinstance(w, kind) and w.metadata.namespace == place]
        wanted = [workload for workload in found if not names or workload.metadata.name in names]
        if missing := sorted(set(names) - {workload.metadata.name for workload in wanted}):
            raise typer.BadParameter(f"no {kind.__name__} {', '.join(missing)} in namespace {place}")
        rows = [(workload, *await _standing(client, workload)) for workload in wanted]
    if output is not Format.table:
        _print([spec_object(w) | {"status": {"phase": phase, "reason": reason}} for w, phase, reason in rows], output)
        return
    _table(["NAME", "STATUS", "REASON"], [[w.metadata.name, phase, reason] for w, phase, reason in rows])


async def _standing(client: Client, workload: Workload) -> tuple[str, str]:
    """How a workload stands, in a word, and why it is no further."""
    api_version, kind = ("batch/v1", "Job") if isinstance(workload, TrainingJob) else ("apps/v1", "Deployment")
    meta = workload.metadata
    try:
        made = await client.get(api_version, kind, meta.name, meta.namespace)
    except NotFound:
        return "NotApplied", "stored, and nothing runs: `manor apply` makes it so"
    state = readiness(made, jobs=True)
    if state.ready:
        return ("Complete" if kind == "Job" else "Ready"), ""
    if made["spec"].get("suspend"):
        return "Suspended", "waits in its queue"
    status = made.get("status", {})
    phase = "Failed" if state.final else "Running" if status.get("ready") else "Pending"
    why = await hint(client, made) if phase != "Running" else ""
    return phase, "; ".join(text for text in (state.reason, why) if text)


def _namespaces(tenant: Tenant, known: State) -> list[str]:
    """The tenant's namespaces, those that its owners made themselves behind those of its file."""
    own = [space.name for space in tenant.namespaces]
    return own + sorted(name for name, owner in known.namespaces.items() if owner == tenant.name and name not in own)


async def _quotas(client: Client, namespaces: Iterable[str]) -> list[Object]:
    selector = ",".join(f"{key}={value}" for key, value in MANAGED.items())
    try:
        return await client.list("v1", "ResourceQuota", label_selector=selector)
    except Forbidden:  # a member may look into the namespaces of its own tenant
        found = [await client.list("v1", "ResourceQuota", name, label_selector=selector) for name in namespaces]
        return [quota for quotas in found for quota in quotas]


def _gpus(platform: Platform | None) -> list[str]:
    return [f"requests.{name}" for name in platform.spec.gpu.resource_names] if platform else []


def _budget(quotas: Sequence[Object], namespaces: Sequence[str]) -> dict[str, tuple[str, str]]:
    """What the namespaces use of each resource, and may use, together."""
    here = [quota for quota in quotas if quota["metadata"]["namespace"] in namespaces]
    resources = sorted({resource for quota in here for resource in quota["spec"]["hard"]})
    return {resource: (_sum(here, "used", resource), _sum(here, "hard", resource)) for resource in resources}


def _sum(quotas: Sequence[Object], what: str, resource: str) -> str:
    field = "status" if what == "used" else "spec"
    values = [quota.get(field, {}).get(what, {}).get(resource, "0") for quota in quotas]
    binary = any(is_binary(quota["spec"]["hard"].get(resource, "")) for quota in quotas) or any(map(is_binary, values))
    return canonical(sum(map(parse, values), start=parse("0")), binary=binary)


def _status(namespaces: Sequence[str], budget: dict[str, tuple[str, str]]) -> Object:
    used = {resource: used for resource, (used, _) in budget.items()}
    hard = {resource: hard for resource, (_, hard) in budget.items()}
    return {"namespaces": list(namespaces), "quota": {"used": used, "hard": hard}}


def _print(objects: Sequence[Object], output: Format) -> None:
    echo(to_json(objects) if output is Format.json else to_yaml(objects))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what they hold, and lines as long as they are: what is cut or folded cannot be copied."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        out.print(line, soft_wrap=True, markup=False)
