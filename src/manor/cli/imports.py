"""`manor import`: what others made for many teams, as Tenants. A plan; nothing is changed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from manor.adoption import (
    Adoption,
    Matter,
    Place,
    adopted,
    read_capsule,
    read_namespaces,
    read_profiles,
)
from manor.api import Tenant
from manor.cli.cluster import told_state
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import EXIT_FAILED, Format, err, print_objects, print_table, run_async
from manor.kube import Client
from manor.render import spec_object

app = typer.Typer(
    help="What others made for many teams, as Tenants: a plan.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """What others made for many teams, as Tenants: a plan."""


Given = Annotated[Format, typer.Option("--output", "-o", help="How the Tenants are printed.")]
Read = Callable[[Client, list[str]], Awaitable[list[Place]]]


@app.command()
@run_async
async def profiles(
    name: Annotated[
        list[str] | None, typer.Argument(help="Names of Profiles; all when absent.")
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Given = Format.table,
) -> None:
    """Print the Tenants that Kubeflow's Profiles become, and on stderr what is not carried over,
    what will not work and what remains to be removed. Nothing is changed.

    Exit code 0: each Profile becomes a Tenant; 1: some are set aside, and it is said why.

    Examples:

    \b
        manor import profiles
        manor import profiles -o yaml > teams.yaml
        manor apply --adopt -f teams.yaml
    """
    await _plan(
        lambda client, warnings: read_profiles(client, name or [], warnings),
        *(output, context, kubeconfig),
    )


@app.command()
@run_async
async def capsule(
    name: Annotated[
        list[str] | None, typer.Argument(help="Names of Capsule's Tenants; all when absent.")
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Given = Format.table,
) -> None:
    """Print the Tenants that Capsule's become, and what is told beside them, as `manor import
    profiles` does. Nothing is changed.

    Examples:

    \b
        manor import capsule
        manor import capsule oil -o yaml > teams.yaml
    """
    await _plan(
        lambda client, warnings: read_capsule(client, name or [], warnings),
        *(output, context, kubeconfig),
    )


@app.command()
@run_async
async def namespaces(
    name: Annotated[list[str], typer.Argument(help="Names of namespaces.")],
    tenant: Annotated[
        str, typer.Option(help="One Tenant of all of them; one of each if absent.")
    ] = "",
    owner: Annotated[
        list[str],
        typer.Option(help="User who owns them; whoever is bound to admin if absent; repeatable."),
    ] = [],  # noqa: B006 - typer reads it once
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Given = Format.table,
) -> None:
    """Print the Tenants that namespaces made by hand become, and what is told beside them, as
    `manor import profiles` does. Nothing is changed.

    Examples:

    \b
        manor import namespaces vision
        manor import namespaces vision vision-dev --tenant vision --owner ada -o yaml > vision.yaml
    """
    owners = [{"kind": "User", "name": each} for each in owner]
    await _plan(
        lambda client, warnings: read_namespaces(
            client, name, warnings, together=tenant, owners=owners
        ),
        *(output, context, kubeconfig),
    )


async def _plan(read: Read, output: Format, context: str | None, kubeconfig: Path | None) -> None:
    """Print what becomes of what is read."""
    warnings: list[str] = []
    async with Client.connect(kubeconfig, context, on_warning=warnings.append) as client:
        known = await told_state(client, workloads=False)
        places = await read(client, warnings)
    found = adopted(places, known)
    tenants = [each.tenant for each in found if each.tenant is not None]
    if output is Format.table:
        print_table(HEADER, [_row(tenant) for tenant in tenants])
    else:
        print_objects([spec_object(tenant) for tenant in tenants], output)
    for each in found:
        _tell(each)
    aside = sum(any(note.matter is Matter.SET_ASIDE for note in each.notes) for each in found)
    origin = f"{places[0].origin}s: " if places else ""
    err.print(f"{len(found)} {origin}{len(tenants)} become Tenants, {aside} are set aside")
    if aside:
        raise typer.Exit(EXIT_FAILED)


HEADER = ["NAME", "OWNERS", "MEMBERS", "CPU", "MEMORY", "STORAGE", "PODS", "GPU"]


def _row(tenant: Tenant) -> list[str]:
    quota, owners = tenant.spec.quota, ",".join(owner.name for owner in tenant.spec.owners)
    amounts = [quota.cpu, quota.memory, quota.storage, str(quota.pods), str(tenant.spec.gpu.total)]
    members = ",".join(f"{member.name} ({member.role})" for member in tenant.spec.members) or "-"
    return [tenant.name, owners, members, *amounts]


def _tell(adoption: Adoption) -> None:
    for matter in Matter:
        for note in adoption.notes:
            if note.matter is matter:
                err.print(f"{adoption.name}: {matter}: {note.text}", markup=False)
