"""`manor describe`: all of one tenant."""

from collections.abc import Iterator
from typing import Annotated

import typer

from manor.cli.completion import complete_tenants
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import Format, echo, line_of, print_object, run_async, widths_of
from manor.kube import Client, Object
from manor.rollout.description import Description, describe

app = typer.Typer(help="Tell all of one thing.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """A group of one command so far."""


@app.command()
@run_async
async def tenant(
    name: Annotated[str, typer.Argument(help="Its name.", autocompletion=complete_tenants)],
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="How it is printed.")
    ] = Format.table,
) -> None:
    """Tell who is in a tenant, what it has and uses, how its workloads stand, and what is wrong.

    Examples:

    \b
        manor describe tenant vision
        manor describe tenant vision -o json
    """
    async with Client.connect(kubeconfig, context) as client:
        found = await describe(client, name)
    if output is Format.table:
        echo("\n".join(_lines(found)))
    else:
        print_object(found.written(), output)


def _lines(found: Description) -> Iterator[str]:
    told = found.written()
    yield f"Tenant {told['name']}"
    yield ""
    for role, people in told["people"].items():
        yield f"  {role + 's:':12}{', '.join(people) or 'none'}"
    yield f"  {'tools:':12}{', '.join(told['tools']) or 'none'}"
    yield f"  {'URL:':12}{', '.join(told['urls']) or 'none'}"
    for space in told["namespaces"]:
        yield from _of_namespace(space)
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
