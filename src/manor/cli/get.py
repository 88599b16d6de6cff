"""`manor get`: what is on the cluster."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from manor.api import Model, Platform, Tenant, TrainingJob, Workload
from manor.api.platform import Engines
from manor.api.status import ConditionType, Status, WorkloadStatus
from manor.cli.cluster import told_state
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import Format, print_objects, print_table, run_async
from manor.engines import Phase
from manor.kube import Client, Object
from manor.render import spec_object, url
from manor.rollout import Usage, standing, usage
from manor.state import State

app = typer.Typer(help="List what is on the cluster.", no_args_is_help=True)

BUDGET = {
    "CPU": "requests.cpu",
    "MEMORY": "requests.memory",
    "STORAGE": "requests.storage",
    "PODS": "pods",
}
"""The columns of a tenant's budget, each with what a ResourceQuota calls it."""

_STORED = "stored, and nothing was made of it: `manor apply` makes it so"
_WORDS = {
    Phase.NOT_APPLIED: "stored, and nothing runs: `manor apply` makes it so",
    Phase.SUSPENDED: "waits in its queue",
}
"""Why a workload is no further, where the cluster does not say it."""


Output = Annotated[Format, typer.Option("--output", "-o", help="How the list is printed.")]


@app.command()
@run_async
async def tenants(
    name: Annotated[
        list[str] | None, typer.Argument(help="Names of tenants; all when absent.")
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """List the tenants that you may see, how they stand, and what they use of their budget.

    Examples:

    \b
        manor get tenants
        manor get tenants vision -o yaml
    """
    async with Client.connect(kubeconfig, context) as client:
        known = await told_state(client, names=name or [])
        wanted = [tenant for tenant in known.tenants.values() if not name or tenant.name in name]
        if missing := sorted(set(name or []) - {tenant.name for tenant in wanted}):
            there = ", ".join(known.tenants) or "none"
            raise typer.BadParameter(f"no tenant {', '.join(missing)}; there are: {there}")
        uses = await usage(client, wanted, known)
    statuses = {tenant.name: known.status_of(tenant) for tenant in wanted}
    if output is not Format.table:
        print_objects(
            [
                spec_object(tenant) | {"status": _status(statuses[tenant.name], uses[tenant.name])}
                for tenant in wanted
            ],
            output,
        )
        return
    _print_tenants(wanted, known, uses, statuses)


def _print_tenants(
    wanted: Sequence[Tenant],
    known: State,
    uses: Mapping[str, Usage],
    statuses: Mapping[str, Status | None],
) -> None:
    gpus = _gpus(known.platform)
    header = ["NAME", "STATUS", "NAMESPACES", "OWNERS", *BUDGET, *(["GPU"] if gpus else []), "URL"]
    shown, stand = [], [_stands(statuses[t.name], uses[t.name]) for t in wanted]
    told = any(message for _, message in stand)
    for tenant, (word, message) in zip(wanted, stand, strict=True):
        used, places = uses[tenant.name].budget, uses[tenant.name].namespaces
        owners = ",".join(owner.name for owner in tenant.subjects("owner"))
        urls = (
            [url(known.platform, host) for host in tenant.hosts(known.platform.spec.domain)]
            if known.platform
            else []
        )
        parts = [*BUDGET.values(), *gpus[:1]]
        budget = [f"{used[part][0]}/{used[part][1]}" if part in used else "-" for part in parts]
        named = [
            f"{place} (kept)" if place in tenant.kept_namespaces else place for place in places
        ]
        row = [tenant.name, word, ",".join(named), owners, *budget, ",".join(urls)]
        shown.append([*row, message] if told else row)
    print_table([*header, "MESSAGE"] if told else header, shown)


@app.command()
@run_async
async def trainingjobs(
    name: Annotated[
        list[str] | None, typer.Argument(help="Names of TrainingJobs; all when absent.")
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """List the TrainingJobs of a namespace, how they stand, and why one does not run.

    Examples:

    \b
        manor get trainingjobs -n vision
    """
    await _workloads(TrainingJob, name or [], namespace, (context, kubeconfig), output)


@app.command()
@run_async
async def models(
    name: Annotated[
        list[str] | None, typer.Argument(help="Names of Models; all when absent.")
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """List the Models of a namespace, how they stand, and why one does not answer.

    Examples:

    \b
        manor get models -n vision
    """
    await _workloads(Model, name or [], namespace, (context, kubeconfig), output)


async def _workloads(
    kind: type[Workload],
    names: Sequence[str],
    namespace: str | None,
    where: tuple[Any, Any],
    output: Format,
) -> None:
    async with Client.connect(where[1], where[0]) as client:
        place = namespace or client.namespace
        known = await told_state(client, [place])
        found = [
            w for w in known.workloads if isinstance(w, kind) and w.metadata.namespace == place
        ]
        wanted = [workload for workload in found if not names or workload.metadata.name in names]
        if missing := sorted(set(names) - {workload.metadata.name for workload in wanted}):
            raise typer.BadParameter(
                f"no {kind.__name__} {', '.join(missing)} in namespace {place}"
            )
        engines = known.platform.spec.engines if known.platform else Engines()
        stand = [
            (workload, _told(known, workload) or await _seen(client, workload, engines))
            for workload in wanted
        ]
    if output is not Format.table:
        print_objects([spec_object(w) | {"status": status} for w, status in stand], output)
        return
    print_table(
        ["NAME", "STATUS", "MESSAGE"],
        [[w.metadata.name, status["phase"], status["message"]] for w, status in stand],
    )


def _told(known: State, workload: Workload) -> Object | None:
    """What whoever acts on the workload says of it."""
    status = known.status_of(workload)
    return status.written() if isinstance(status, WorkloadStatus) and status.phase else None


async def _seen(client: Client, workload: Workload, engines: Engines) -> Object:
    """What is seen of the workload where nobody says it."""
    stands = await standing(client, workload, engines)
    return {"phase": stands.phase.value, "message": _WORDS.get(stands.phase, stands.reason)}


def _stands(status: Status | None, uses: Usage) -> tuple[str, str]:
    """How a tenant stands, and why it is no further: as is said of it, or else as is seen."""
    if ready := status and status.condition(ConditionType.READY):
        if ready.status == "True":
            return ready.type, ""
        return ready.reason, ready.message
    return ("Applied", "") if uses.budget else ("NotApplied", _STORED)


def _gpus(platform: Platform | None) -> list[str]:
    return [f"requests.{name}" for name in platform.spec.gpu.resource_names] if platform else []


def _status(status: Status | None, uses: Usage) -> Object:
    used = {resource: used for resource, (used, _) in uses.budget.items()}
    hard = {resource: hard for resource, (_, hard) in uses.budget.items()}
    seen = {"namespaces": list(uses.namespaces), "quota": {"used": used, "hard": hard}}
    return {**(status.written() if status else {}), **seen}
