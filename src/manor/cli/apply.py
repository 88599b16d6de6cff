"""`manor apply`, `diff` and `delete`: specs onto a cluster, what that would change, and off it again."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from manor.apply import Options, Refused, Result, wait
from manor.apply import delete as delete_objects
from manor.apply.errors import InventoryError
from manor.apply.steps import BAD, Action, Step
from manor.cli.cluster import read_specs
from manor.cli.options import Context, Files, Kubeconfig
from manor.cli.output import EXIT_ERROR, err, print_error, run_async
from manor.cli.progress import Shown, describe, shown, summary
from manor.cli.quotas import wait_counted
from manor.cli.rollout import ObjectSet, apply_set, each_set, plan_set, require_kinds, stages
from manor.kube import Client, Forbidden, NotFound, UnknownKind
from manor.load import Specs, read

EXIT_FAILED = 1

Adopt = Annotated[bool, typer.Option("--adopt", help="Take over objects that exist and belong to nobody.")]
Force = Annotated[bool, typer.Option("--force-conflicts", help="Take over fields that another field manager owns.")]
DeleteData = Annotated[bool, typer.Option("--delete-data", help="Also delete volumes and all that is on them.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait until everything is ready.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="A line for every object.")]


async def roll_out(
    client: Client, parts: Sequence[Sequence[ObjectSet]], options: Options, show: Shown
) -> tuple[list[Step], bool]:
    """Apply all sets, stage after stage; a stage that fails ends the run, and the rest is told as not attempted."""
    steps: list[Step] = []
    await require_kinds(client, parts)
    for number, stage in enumerate(parts):
        await wait_counted(client, stage, show)
        show.begin(f"applying {', '.join(part.title for part in stage)[:80]}", sum(len(p.objects) for p in stage))
        results = await each_set(stage, lambda part: _apply_or_refuse(client, part, options, show))
        steps += [step for result in results for step in result]
        if not all(result.ok for result in results):
            for part in (part for later in parts[number + 1 :] for part in later):
                err.print(f"{part.title} [red]not attempted[/]: something before it failed")
            return steps, False
    return steps, True


@contextmanager
def told_who_may(specs: Specs) -> Iterator[None]:
    """Where the API server forbids it: who may apply such specs."""
    try:
        yield
    except Forbidden as error:
        if specs.platform:
            who = "a cluster administrator applies the Platform"
        elif specs.tenants:
            who = "who applies Tenants needs the ClusterRole manor:applier"
        else:
            who = "who applies TrainingJobs and Models needs the role editor in their tenant"
        print_error(f"{error}\n{who}")
        raise typer.Exit(EXIT_ERROR) from None


async def _apply_or_refuse(client: Client, part: ObjectSet, options: Options, show: Shown) -> Result:
    try:
        return await apply_set(client, part, options, show)
    except Refused as refused:
        for step in refused.steps:
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
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return once written, ready or not.")] = False,
    timeout: Timeout = 300.0,
    verbose: Verbose = False,
) -> None:
    """Make the cluster hold what the specs say, and wait until it is ready.

    Server-side apply as field manager `manor`; a second run writes nothing. Objects that a spec no longer becomes are
    deleted, volumes never without --delete-data.

    Examples:

        manor apply -f platform.yaml -f teams/

        manor apply -f teams/vision.yaml --context prod

        cat team.yaml | manor apply -f -
    """
    documents = read(filename)
    began = time.monotonic()
    options = Options(adopt=adopt, force_conflicts=force_conflicts, delete_data=delete_data)
    async with Client.connect(kubeconfig, context) as client:
        specs, known = await read_specs(client, documents)
        parts = stages(specs, known)
        with shown(verbose=verbose) as show, told_who_may(specs):
            steps, ok = await roll_out(client, parts, options, show)
            if ok and not no_wait:
                await wait_ready(client, parts, timeout, show)
    err.print(f"{summary(steps)} in {time.monotonic() - began:.1f} s")
    if not ok:
        err.print("not everything was applied; mend what is named above and run the same command again")
        raise typer.Exit(EXIT_FAILED)


async def wait_ready(
    client: Client, parts: Sequence[Sequence[ObjectSet]], timeout: float, show: Shown, *, jobs: bool = False
) -> None:
    """Wait until everything applied is ready; NotReady says what is not, and why."""
    objects = [obj for stage in parts for part in stage for obj in part.objects]
    show.begin("waiting until all is ready", None)
    await wait(client, objects, timeout=timeout, jobs=jobs, progress=show)


@run_async
async def diff(filename: Files, context: Context = None, kubeconfig: Kubeconfig = None) -> None:
    """Print what `apply` would change. Exit code 0: nothing; 1: something; more: an error. Writes nothing.

    Examples:

        manor diff -f platform.yaml -f teams/
    """
    documents = read(filename)
    async with Client.connect(kubeconfig, context) as client:
        specs, known = await read_specs(client, documents)
        plans = []
        with told_who_may(specs):
            for stage in stages(specs, known):
                plans += await each_set(stage, lambda part: plan_set(client, part, Options()))
    differences = "".join(plan.diff() for plan in plans)
    sys.stdout.write(differences)
    bad = [step for plan in plans for step in plan.having(*BAD)]
    for step in bad:
        err.print(describe(step))
    if bad:
        raise typer.Exit(EXIT_ERROR)
    if differences:
        raise typer.Exit(1)


def deletion_order(specs: Specs, known: Specs) -> list[list[ObjectSet]]:
    """The sets of the specs, workloads first; with the Platform goes the foundation."""
    return list(reversed(stages(specs, known, delete=True)))


def _confirm(specs: Specs, delete_data: bool) -> None:
    names = ", ".join(f"{spec.kind} {spec.metadata.name}" for spec in specs.all)
    data = (
        "Their volumes go too."
        if delete_data
        else "Volumes are kept, and so are namespaces that hold one, with what runs in them."
    )
    err.print(f"This deletes {names} and all that was made for them. {data}")
    if not typer.confirm("Go on?", err=True):
        raise typer.Exit(EXIT_FAILED)


@run_async
async def delete(
    filename: Files,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    delete_data: DeleteData = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Timeout = 300.0,
    verbose: Verbose = False,
) -> None:
    """Delete what the specs became, after asking. Volumes are kept unless --delete-data says otherwise.

    Examples:

        manor delete -f teams/vision.yaml

        manor delete -f teams/vision.yaml --delete-data --yes
    """
    documents = read(filename)
    steps: list[Step] = []
    async with Client.connect(kubeconfig, context) as client:
        specs, known = await read_specs(client, documents, delete=True)
        _refuse_orphans(specs, known)
        if not yes:
            _confirm(specs, delete_data)
        options = Options(delete_data=delete_data, timeout=timeout)
        with shown(verbose=verbose) as show, told_who_may(specs):
            for stage in deletion_order(specs, known):
                show.begin(f"deleting {', '.join(part.title for part in stage)[:80]}", None)
                for result in await each_set(stage, lambda part: _delete_set(client, part, options, show)):
                    steps += result
    err.print(summary(steps))
    if any(step.action is Action.FAIL for step in steps):
        raise typer.Exit(EXIT_FAILED)


def _refuse_orphans(specs: Specs, known: Specs) -> None:
    left = sorted(known.tenants.keys() - specs.tenants.keys())
    if specs.platform is not None and left:
        raise typer.BadParameter(
            f"the Platform still has tenants: {', '.join(left)}; delete them first, or name them too"
        )


async def _delete_set(client: Client, part: ObjectSet, options: Options, show: Shown) -> Result:
    try:
        result = await delete_objects(client, part.inventory, options, show)
    except (InventoryError, UnknownKind):
        return Result(())
    kept = result.having(Action.KEEP, Action.FAIL)
    if part.parent is not None and not kept:
        meta = part.parent["metadata"]
        with suppress(NotFound):
            await client.delete(part.parent["apiVersion"], part.parent["kind"], meta["name"], meta.get("namespace"))
    return result
