"""`manor apply` and `diff`: specs onto a cluster, and what that would change."""

import sys
import time
from typing import Annotated

import typer

from manor.apply import Action, Options, unified
from manor.apply.steps import BAD
from manor.cli.options import Context, Files, Kubeconfig
from manor.cli.output import EXIT_ERROR, EXIT_FAILED, Warnings, err, run_async
from manor.cli.progress import describe, planned, shown, summary, warn
from manor.cli.steps import Form, Output, coloured, print_steps, tell_who_may
from manor.kube import Client
from manor.limits import Apply
from manor.load import read
from manor.rollout import apply_stages, preview, read_desired, roll_out, wait_ready
from manor.visible import visible

Adopt = Annotated[
    bool, typer.Option("--adopt", help="Take over objects that exist and belong to nobody.")
]
Force = Annotated[
    bool,
    typer.Option("--force-conflicts", help="Take over fields that another field manager owns."),
]
DeleteData = Annotated[
    bool, typer.Option("--delete-data", help="Also delete volumes and all that is on them.")
]
DeleteNamespace = Annotated[
    list[str],
    typer.Option(
        "--delete-namespace",
        metavar="NAME",
        help=(
            "Let this namespace go with what people made in it; repeatable. Volumes need "
            "--delete-data too."
        ),
    ),
]
Timeout = Annotated[float, typer.Option(help="Seconds to wait until everything is ready.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="A line for every object.")]


@run_async
async def apply(
    filename: Files,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    adopt: Adopt = False,
    force_conflicts: Force = False,
    delete_data: DeleteData = False,
    delete_namespace: DeleteNamespace = [],  # noqa: B006 - typer reads it once
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return once written, ready or not.")
    ] = False,
    timeout: Timeout = Apply.ready,
    verbose: Verbose = False,
    output: Output = Form.text,
) -> None:
    """Make the cluster hold what the specs say, and wait until it is ready.

    Server-side apply as field manager `manor`; a second run writes nothing. Objects that a spec no
    longer becomes are
    deleted: volumes never without --delete-data, a namespace in which people made something never
    without
    --delete-namespace.

    Examples:

    \b
        manor apply -f platform.yaml -f teams/
        manor apply -f teams/vision.yaml --context prod
        cat team.yaml | manor apply -f -
    """
    documents = read(filename)
    began = time.monotonic()
    options = Options(
        adopt,
        force_conflicts,
        delete_data=delete_data,
        delete_namespaces=frozenset(delete_namespace),
    )
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        desired = await read_desired(client, documents, warn)
        with shown(verbose=verbose) as show:
            outcome = await roll_out(client, apply_stages(desired), options, show)
            if not no_wait:
                await wait_ready(client, outcome.sets, timeout, show)
    tell_who_may(outcome, desired.specs)
    print_steps(outcome.steps, output)
    err.print(f"{summary(outcome.steps)} in {time.monotonic() - began:.1f} s")
    if not outcome.ok:
        err.print(
            "not everything was applied; mend what is named above and run the same command again"
        )
        raise typer.Exit(EXIT_FAILED if outcome.steps else EXIT_ERROR)


@run_async
async def diff(
    filename: Files,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    adopt: Adopt = False,
    force_conflicts: Force = False,
    delete_data: DeleteData = False,
    delete_namespace: DeleteNamespace = [],  # noqa: B006 - typer reads it once
    output: Output = Form.text,
) -> None:
    """Print what `apply` with the same options would change. Writes nothing.

    Exit code 0: nothing; 1: something; more: an error.

    Examples:

    \b
        manor diff -f platform.yaml -f teams/
    """
    documents = read(filename)
    options = Options(
        adopt,
        force_conflicts,
        delete_data=delete_data,
        delete_namespaces=frozenset(delete_namespace),
    )
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        desired = await read_desired(client, documents, warn)
        with shown() as show:
            outcome = await preview(client, apply_stages(desired), options, show)
    text = "".join(unified(step) for step in outcome.steps)
    if output is Form.text:
        sys.stdout.write(coloured(visible(text)))
    print_steps(outcome.steps, output)
    for step in outcome.steps:
        if step.action in BAD or step.message:
            err.print(describe(step, planned=True))
    tell_who_may(outcome, desired.specs)
    # A set's own marks are not shown, and so are not counted.
    err.print(
        planned(step for step in outcome.steps if step.action is not Action.UPDATE or unified(step))
    )
    if not outcome.ok:
        raise typer.Exit(EXIT_ERROR)
    if text:
        raise typer.Exit(1)
