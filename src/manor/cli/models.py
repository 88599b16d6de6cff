"""`manor models`: the versions of a model, and how one takes the place of another."""

from dataclasses import asdict
from typing import Annotated

import typer

from manor.cli.completion import complete_models
from manor.cli.listing import Listing, Row, show
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import ListFormat, Warnings, err, run_async
from manor.cli.progress import warn
from manor.kube import Client
from manor.models import Revision, find_model, promote, rollback
from manor.models import history as revisions

app = typer.Typer(help="The versions of a model.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="MODEL", autocompletion=complete_models)]


@app.command()
@run_async
async def history(
    name: Name,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Annotated[
        ListFormat, typer.Option("--output", "-o", help="How it is printed.")
    ] = ListFormat.table,
) -> None:
    """List the versions that a model served, the newest first.

    Kubernetes keeps the last ten.

    Examples:

    \b
        manor models history iris -n vision
    """
    async with Client.connect(kubeconfig, context) as client:
        model, _ = await find_model(client, name, namespace or client.namespace)
        found = await revisions(client, model)

        async def look() -> Listing:
            return Listing(
                ("REVISION", "STORAGE URI", "READY", "SINCE"), ("IMAGE",), list(map(_row, found))
            )

        await show(client, look, output, f"nothing is known of versions of Model {name}")


def _row(revision: Revision) -> Row:
    ready = f"{revision.ready}/{revision.replicas}" if revision.replicas else "-"
    cells = (str(revision.number), revision.storage_uri or "-", ready, revision.since)
    return Row(cells, (revision.image,), lambda: asdict(revision))


@app.command("promote")
@run_async
async def promote_command(
    name: Name,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Make a model's canary the model, for all requests.

    Its file is to say the same: a later `manor apply` of the old one is told of the difference.

    Examples:

    \b
        manor models promote iris -n vision
    """
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        uri = await promote(client, name, namespace or client.namespace, warn)
    err.print(f"Model {name} serves {uri}; write it into its file: storageUri, and no canary")


@app.command("rollback")
@run_async
async def rollback_command(
    name: Name,
    to: Annotated[int, typer.Option(min=0, help="Revision; the one before today's if absent.")] = 0,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Serve an earlier version of a model again.

    Old pods answer until new ones are ready.

    Examples:

    \b
        manor models rollback iris -n vision
        manor models rollback iris -n vision --to 3
    """
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        found = await rollback(client, name, namespace or client.namespace, to, warn)
    serves = found.storage_uri or found.image
    err.print(f"Model {name} serves {serves} again; write it into its file")
