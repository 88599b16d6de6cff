"""`manor describe`: all of one tenant, or of one model."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from manor.cli.completion import complete_models, complete_tenants
from manor.cli.kind_group import KindGroup
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import Format, echo, line_of, print_object, run_async, widths_of
from manor.kube import Client, Object
from manor.models import ModelDescription, Served, describe_model
from manor.rollout.description import Description, describe

Output = Annotated[Format, typer.Option("--output", "-o", help="How it is printed.")]


class _Kinds(KindGroup):
    elsewhere = "; `manor explain` tells of jobs, workspaces and pods"


app = typer.Typer(
    cls=_Kinds, help="Tell all of one thing.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
@run_async
async def tenant(
    name: Annotated[str, typer.Argument(help="Its name.", autocompletion=complete_tenants)],
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """Tell who is in a tenant, what it has and uses, how its workloads stand, and what is wrong.

    Examples:

    \b
        manor describe tenant vision
        manor describe tenant vision -o json
    """
    async with Client.connect(kubeconfig, context) as client:
        found = await describe(client, name)
    _print(found, _of_tenant(found), output)


@app.command()
@run_async
async def model(
    name: Annotated[str, typer.Argument(help="Its name.", autocompletion=complete_models)],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """Tell where a model answers and to whom, how each version stands, what was asked of it, and
    what is wrong.

    What was asked is read from its pods, with your own right to open their ports.

    Examples:

    \b
        manor describe model iris -n vision
        manor describe model iris -n vision -o json
    """
    async with Client.connect(kubeconfig, context) as client:
        found = await describe_model(client, name, namespace or client.namespace)
    _print(found, _of_model(found), output)


def _print(found: Description | ModelDescription, lines: Iterable[str], output: Format) -> None:
    if output is Format.table:
        echo("\n".join(lines))
    else:
        print_object(found.written(), output)


def _of_tenant(found: Description) -> Iterator[str]:
    told = found.written()
    yield f"Tenant {told['name']}"
    yield ""
    for role, people in told["people"].items():
        yield f"  {role + 's:':12}{', '.join(people) or 'none'}"
    yield f"  {'tools:':12}{', '.join(told['tools']) or 'none'}"
    yield f"  {'URL:':12}{', '.join(told['urls']) or 'none'}"
    for space in told["namespaces"]:
        yield from _of_namespace(space)
    yield from _of_standing(told)


def _of_model(found: ModelDescription) -> Iterator[str]:
    told, canary = found.written(), found.model.spec.canary
    yield f"Model {told['namespace']}/{told['name']}: {told['phase']}"
    yield ""
    yield f"  {'format:':12}{told['format']}"
    yield f"  {'URL:':12}{told['url'] or 'not seen'}"
    yield f"  {'access:':12}{told['access']['mode']}"
    yield f"  {'keys:':12}{', '.join(map(_key, told['access']['keys'])) or 'none'}"
    if canary:
        part = f"{canary.weight} % of the requests"
        yield f"  {'canary:':12}{f'copies of {part}, and answers none' if canary.shadow else part}"
    yield ""
    yield "Versions, and what was asked of their pods since these began"
    header = ["NAME", "STORAGE URI", "READY", "REQUESTS", "4XX", "5XX", "P50", "P99", "IMAGE"]
    yield from _table(header, [_of_version(one) for one in found.served], "")
    yield from _of_standing(told)


def _key(one: Object) -> str:
    told = [f"{'ended' if one['expired'] else 'until'} {one['expires']}"] if one["expires"] else []
    if limit := one["requestsPerMinute"]:
        told.append(f"{limit} requests a minute")
    if limit := one["tokensPerMinute"]:
        told.append(f"{limit} tokens a minute")
    return str(one["name"]) + (f" ({', '.join(told)})" if told else "")


def _of_version(served: Served) -> list[str]:
    counted = served.traffic
    asked = ["-"] * 5
    if counted:
        asked = [str(counted.requests), str(counted.answered("4")), str(counted.answered("5"))]
        asked += [_milliseconds(counted.quantile(part)) for part in (0.5, 0.99)]
    # Of a digest, as much as tells two apart.
    images = sorted(image.rpartition("@")[2][:19] for image in served.images)
    ready = f"{served.ready}/{served.replicas}"
    return [served.name, served.storage_uri or "-", ready, *asked, ", ".join(images) or "-"]


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.3g} ms"


def _of_standing(told: Object) -> Iterator[str]:
    yield ""
    yield "Conditions"
    rows = [
        [one["type"], one["status"], one["reason"], one["message"]] for one in told["conditions"]
    ]
    yield from _table(["TYPE", "STATUS", "REASON", "MESSAGE"], rows, "none: no operator told any")
    yield ""
    yield "What is wrong"
    yield from (f"  {line}" for line in told["wrong"] or ["nothing that was seen"])
    for line in told["unseen"]:
        yield f"  not seen: {line}"


def _of_namespace(space: Object) -> Iterator[str]:
    yield ""
    yield f"Namespace {space['name']}"
    rows = [
        [name, one["used"], one["hard"]]
        for name, one in space["quota"].items()
        if one["used"] != "0" or not name.startswith("count/")  # dozens of kinds are counted
    ]
    yield from _table(["RESOURCE", "USED", "OF"], rows, "no quota that you may see")
    works = [[one["kind"], one["name"], one["phase"], one["message"]] for one in space["workloads"]]
    yield from _table(["KIND", "NAME", "STATUS", "WHY"], works, "no jobs or models")


def _table(header: list[str], rows: list[list[str]], nothing: str) -> Iterator[str]:
    if not rows:
        yield f"  {nothing}"
        return
    lines = [header, *rows]
    widths = widths_of(lines)
    for row in lines:
        yield "  " + line_of(row, widths).rstrip()
