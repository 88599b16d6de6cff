"""`manor operator`: keep the cluster as its specs say."""

from typing import Annotated

import typer

from manor.cli.options import Context, Kubeconfig
from manor.cli.output import run_async


@run_async
async def operator(
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Port of /healthz, /readyz and /metrics; 0: any that is free."
        ),
    ] = 8080,
    elect: Annotated[
        bool, typer.Option(help="Work only while no other replica does, told by a Lease.")
    ] = True,
) -> None:
    """Keep the cluster as its specs say, until stopped.

    `manor install` runs it on the cluster; here it runs as whoever the kubeconfig says.

    Examples:

    \b
        manor operator --no-elect --port 0
        manor -v --log-format json operator
    """
    from manor.operator import run

    await run(kubeconfig, context, port=port, elect=elect)
