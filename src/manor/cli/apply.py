"""`manor apply` and `diff`: specs onto a cluster, and what that would change."""

import sys
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from manor.apply import Options, Refused, Result, unified, wait
from manor.apply.steps import BAD, Action
from manor.cli.cluster import read_specs
from manor.cli.options import Context, Files, Kubeconfig
from manor.cli.outcome import Form, Outcome, Output, coloured, print_steps
from manor.cli.output import EXIT_ERROR, Warnings, err, run_async
from manor.cli.progress import Shown, describe, planned, shown, summary
from manor.cli.quotas import wait_counted
from manor.cli.rollout import ObjectSet, apply_set, each_set, plan_set, require_kinds, revoke_set, stages
from manor.kube import Client
from manor.load import read
from manor.visible import visible

EXIT_FAILED = 1

Adopt = Annotated[bool, typer.Option("--adopt", help="Take over objects that exist and belong to nobody.")]
Force = Annotated[bool, typer.Option("--force-conflicts", help="Take over fields that another field manager owns.")]
DeleteData = Annotated[bool, typer.Option("--delete-data", help="Also delete volumes and all that is on them.")]
DeleteNamespace = Annotated[
    list[str],
    typer.Option(
        "--delete-namespace",
        metavar="NAME",
        help="Let this namespace go with what people made in it; repeatable. Volumes need --delete-data too.",
    ),
]
Timeout = Annotated[float, typer.Option(help="Seconds to wait until everything is ready.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="A line for every object.")]


async def roll_out(client: Client, parts: Sequence[Sequence[ObjectSet]], options: Options, show: Shown) -> Outcome:
    """Apply all sets, stage after stage. What goes wrong with one set stops what stands on it, and no other.

    From a set that cannot be applied the rights are taken away all the same that nobody is to have any more.
    """
    outcome = Outcome()
    await require_kinds(client, parts)
    for stage in parts:
        uncounted = await wait_counted(client, stage, show)
        show.begin(f"applying {', '.join(part.title for part in stage)[:80]}", sum(len(p.objects) for p in stage))

        async def attempt(part: ObjectSet, uncounted: dict[str, str] = uncounted) -> None:
            namespace = part.inventory.namespace
            if part.needs in outcome.failed or namespace in uncounted:
                why = uncounted.get(namespace) or f"{part.needs} failed"
                outcome.leave_out(part.title, why)
                outcome.add(part.title, await outcome.guard(part.title, revoke_set(client, part, show)))
            else:
                outcome.add(part.title, await outcome.guard(part.title, _apply_or_refuse(client, part, options, show)))

        await each_set(stage, attempt)
    return outcome


async def _apply_or_refuse(client: Client, part: ObjectSet, options: Options, show: Shown) -> Result:
    try:
        return await apply_set(client, part, options, show)
    except Refused as refused:
        for step in refused.steps:
            if step.action in BAD:
                err.print(describe(step))
        return Result(refused.steps)


@run_async
async def apply(
    filename: Files,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    adopt: Adopt = False,
    force_conflicts: Force = False,
    delete_data: DeleteData = False,
    delete_namespace: DeleteNamespace = [],  # noqa: B006 - typer reads it once
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return once written, ready or not.")] = False,
    timeout: Timeout = 300.0,
    verbose: Verbose = False,
    output: Output = Form.text,
) -> None:
    """Make the cluster hold what the specs say, and wait until it is ready.

    Server-side apply as field manager `manor`; a second run writes nothing. Objects that a spec no longer becomes are
    deleted: volumes never without --delete-data, a namespace in which people made something never without
    --delete-namespace.

    Examples:

        manor apply -f platform.yaml -f teams/

        manor apply -f teams/vision.yaml --context prod

        cat team.yaml | manor apply -f -
    """
    documents = read(filename)
    began = time.monotonic()
    options = Options(adopt, force_conflicts, delete_data=delete_data, delete_namespaces=frozenset(delete_namespace))
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        specs, known = await read_specs(client, documents)
        parts = stages(specs, known)
        with shown(verbose=verbose) as show:
            outcome = await roll_out(client, parts, options, show)
            applied = [[part for part in stage if part.title not in outcome.failed] for stage in parts]
            if not no_wait:
                await wait_ready(client, applied, timeout, show)
    outcome.tell(specs)
    print_steps(outcome.steps, output)
    err.print(f"{summary(outcome.steps)} in {time.monotonic() - began:.1f} s")
    if not outcome.ok:
        err.print("not everything was applied; mend what is named above and run the same command again")
        raise typer.Exit(EXIT_FAILED if outcome.steps else EXIT_ERROR)


async def wait_ready(
    client: Client, parts: Sequence[Sequence[ObjectSet]], timeout: float, show: Shown, *, jobs: bool = False
) -> None:
    """Wait until everything applied is ready; NotReady says what is not, and why."""
    objects = [obj for stage in parts for part in stage for obj in part.objects]
    show.begin("waiting until all is ready", None)
    await wait(client, objects, timeout=timeout, jobs=jobs, progress=show)


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

        manor diff -f platform.yaml -f teams/
    """
    documents = read(filename)
    options = Options(adopt, force_conflicts, delete_data=delete_data, delete_namespaces=frozenset(delete_namespace))
    outcome, text = Outcome(), ""
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        specs, known = await read_specs(client, documents)
        for stage in stages(specs, known):
            plans = await each_set(stage, lambda part: outcome.guard(part.title, plan_set(client, part, options)))
            for part, plan in zip(stage, plans, strict=True):
                outcome.add(part.title, plan)
                text += plan.diff() if plan else ""
    if output is Form.text:
        sys.stdout.write(coloured(visible(text)))
    print_steps(outcome.steps, output)
    for step in outcome.steps:
        if step.action in BAD or step.message:
            err.print(describe(step, planned=True))
    outcome.tell(specs)
    # A set's own marks are not shown, and so are not counted.
    shown = [step for step in outcome.steps if step.action is not Action.UPDATE or unified(step)]
    err.print(planned(shown))
    if not outcome.ok:
        raise typer.Exit(EXIT_ERROR)
    if text:
        raise typer.Exit(1)
