"""`manor up`: from nothing to teams with served models, and the proof that they are apart."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from manor.api import Model
from manor.apply import Options
from manor.cli.cluster import told_model
from manor.cli.install import OperatorImage
from manor.cli.keyring import own_key
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import EXIT_FAILED, Warnings, err, out, run_async
from manor.cli.prediction import Endpoint, endpoint, outputs, predict, request_body
from manor.cli.progress import planned, shown, summary, warn
from manor.cli.verify import run_checks
from manor.engines import tenant_of
from manor.errors import ManorError
from manor.kube import Client
from manor.limits import Cli
from manor.load import Document, Specs, read
from manor.local import binaries, images, lifecycle, preflight
from manor.local.binaries import Bundle
from manor.local.containers import load_images
from manor.local.progress import Report
from manor.render.operator import render_operator
from manor.rollout import (
    Stages,
    apply_stages,
    each_set,
    install_stages,
    plan_set,
    read_desired,
    roll_out,
    wait_ready,
)
from manor.shipped import folder
from manor.state import is_operated

EXAMPLE = folder("examples") / "01-two-teams"
NODE_IMAGES = ("base", "training", "serving", "operator")


@dataclass(frozen=True)
class Answer:
    """A served model, where it answers, and what it said to the sample request beside its spec."""

    model: Model
    target: Endpoint
    said: str
    curl: str


def up(
    filename: Annotated[
        list[str],
        typer.Option(
            "--filename",
            "-f",
            metavar="PATH",
            help="File or folder of specs; repeatable.",
            show_default="two example teams",
        ),
    ] = [str(EXAMPLE)],  # noqa: B006 - typer reads it once
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    name: Annotated[str, typer.Option(help="Name of the embedded node.")] = "manor",
    binaries: Annotated[Path | None, typer.Option(help="A folder of the node's programs.")] = None,
    bundle: Annotated[
        str | None, typer.Option(help="A released bundle of the programs: a file or a URL.")
    ] = None,
    image: OperatorImage = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before changing a cluster of yours.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait until everything is ready.")
    ] = Cli.up,
) -> None:
    """Make a node, the operator, the platform, its teams and their models; print their URLs and the
    isolation report.

    With --context (or --kubeconfig) it does all but the node on a cluster of yours, after saying
    what it will add. An operator that works there already stays as it is.

    Examples:

    \b
        manor up
        manor up --context staging -f platform.yaml -f teams/ --image registry.example/operator:1
    """
    report = Report()
    documents = read(filename)
    own = context is not None or kubeconfig is not None
    if not own:
        kubeconfig = _make_node(name, binaries, bundle, report)
    image = image or images.operator_reference()
    code = _fill(
        documents,
        filename,
        kubeconfig,
        context,
        image=image,
        own=own,
        ask=own and not yes,
        timeout=timeout,
    )
    if not own:
        err.print(f"\nTo use it: export KUBECONFIG={kubeconfig}")
    raise typer.Exit(code)


@run_async
async def _fill(
    documents: list[Document],
    sources: Sequence[str],
    kubeconfig: Path | None,
    context: str | None,
    *,
    image: str,
    own: bool,
    ask: bool,
    timeout: float,
) -> int:
    """Everything but the node; the exit code of the isolation report."""
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        desired = await read_desired(client, documents, warn)
        specs, known = desired.specs, desired.known
        runs = [apply_stages(desired)]
        if not (own and await is_operated(client)):
            runs.insert(0, install_stages(render_operator(image, platform=known.platform)))
        if ask:
            await _ask(client, [stage for stages in runs for stage in stages])
        with shown() as show:
            for stages in runs:  # the operator first, which makes the teams then
                outcome = await roll_out(client, stages, Options(), show)
                err.print(summary(outcome.steps))
                if not outcome.ok:
                    raise typer.Exit(EXIT_FAILED)
                await wait_ready(client, outcome.sets, timeout, show, jobs=True)
        models = [workload for workload in specs.workloads if isinstance(workload, Model)]
        _print_urls(known, [await _ask_model(client, known, model, sources) for model in models])
    async with Client.connect(
        kubeconfig, context
    ) as client:  # what attacks are warned of is no news
        return await run_checks(client)


def _make_node(name: str, folder: Path | None, bundle: str | None, report: Report) -> Path:
    """The embedded node with the images of the operator and of the example's workloads on it; its
    kubeconfig."""
    if problems := preflight.check(to_compile=binaries.to_compile(folder, bundle)):
        preflight.install_packages(problems, report)
    node, _ = lifecycle.up(name, binaries_folder=folder, bundle=bundle, report=report)
    wanted = images.ensure(
        NODE_IMAGES, bundle=Bundle(Path(node.bin), Path(node.share)), report=report
    )
    with report.task("load images"):
        load_images(node, wanted.values())
    return node.files.kubeconfig


async def _ask(client: Client, stages: Stages) -> None:
    """Say what will be added to a cluster that is not ours, and ask."""
    err.print(f"On {client.context} ({client.server}) this will make:")
    for stage in stages:
        plans = await each_set(stage, lambda part: plan_set(client, part, Options()))
        for part, plan in zip(stage, plans, strict=True):
            err.print(f"  {part.title}: {planned(plan)}")
    if not typer.confirm("Go on?", err=True):
        raise typer.Exit(1)


def _sample(model: Model, sources: Sequence[str]) -> object | None:
    """The sample request of a model: `requests/<model>.json` beside the specs."""
    for source in map(Path, sources):
        folder = source if source.is_dir() else source.parent
        path = folder / "requests" / f"{model.metadata.name}.json"
        if path.is_file():
            sample: object = json.loads(path.read_text(encoding="utf-8"))
            return sample
    return None


async def _ask_model(client: Client, known: Specs, model: Model, sources: Sequence[str]) -> Answer:
    found = await endpoint(client, known, model)
    _, stored = await told_model(client, model.metadata.name, model.metadata.namespace)
    own = await own_key(client, known, stored)
    target = replace(found, key=own.token, new=own.new)
    sample = _sample(model, sources)
    if sample is None:
        return Answer(model, target, "no sample request", target.curl({"inputs": []}))
    body = request_body(sample)
    try:
        said = outputs(await predict(target, body))
    except ManorError as failure:
        said = f"failed: {failure}"
    return Answer(model, target, said, target.curl(request_body([_first(sample)])))


def _first(sample: object) -> object:
    return (
        sample[0] if isinstance(sample, list) and sample and isinstance(sample[0], list) else sample
    )


def _print_urls(known: Specs, answers: Sequence[Answer]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("TENANT", "MODEL", "URL", "PREDICTION"):
        table.add_column(column, overflow="fold")
    for answer in answers:
        tenant = tenant_of(answer.model, known.tenants)
        table.add_row(tenant.name, answer.model.metadata.name, answer.target.url, answer.said)
    out.print(table)
    for answer in answers:
        out.print(answer.curl, soft_wrap=True, markup=False)
