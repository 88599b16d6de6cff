"""`manor install` and `uninstall`: the operator onto a cluster, and off it again."""

import shutil
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from manor.api import API_VERSION, Platform, kinds
from manor.apply import Options
from manor.cli.apply import Adopt, DeleteData, DeleteNamespace, Force, Timeout, Verbose
from manor.cli.cluster import told_state
from manor.cli.delete import OptionalFiles, confirmed
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import (
    EXIT_ERROR,
    EXIT_FAILED,
    Warnings,
    ask_before_removal,
    echo,
    err,
    run_async,
    to_json,
    to_yaml,
)
from manor.cli.progress import shown, summary, warn
from manor.cli.steps import Form, Output, print_steps
from manor.kube import Client
from manor.limits import Apply
from manor.load import Document, load
from manor.local import images
from manor.local.containers import load_images
from manor.local.node import load_node
from manor.local.progress import Report
from manor.render.operator import REPLICAS, Collector, collector, render_operator
from manor.rollout import (
    Desired,
    Outcome,
    delete_stages,
    install_stages,
    read_desired,
    release,
    remove_operator,
    roll_out,
    take_down,
    wait_ready,
)

OperatorImage = Annotated[
    str | None,
    typer.Option(
        help="The operator's image.", show_default="manor.local/operator, of this version"
    ),
]


def _collector(url: str) -> Collector:
    try:
        return collector(url)
    except ValueError as error:
        raise typer.BadParameter(f"{url} {error}") from None


@run_async
async def install(
    filename: OptionalFiles = [],  # noqa: B006 - typer reads it once
    image: OperatorImage = None,
    replicas: Annotated[int, typer.Option(min=1, help="Pods of it; one of them works.")] = REPLICAS,
    verify_schedule: Annotated[
        str | None,
        typer.Option(
            metavar="CRON",
            help="When to run `manor verify --level dry-run` on the cluster; never where left out.",
        ),
    ] = None,
    traces_to: Annotated[
        Collector | None,
        typer.Option(
            metavar="URL",
            parser=_collector,
            help="An OpenTelemetry collector, http://SERVICE.NAMESPACE:4318, that gets the "
            "operator's traces.",
        ),
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(help="An embedded node: the image is made here, and loaded."),
    ] = None,
    save_image: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Make the image on this Linux machine, write it as `docker save` does, and stop.",
        ),
    ] = None,
    render: Annotated[
        bool, typer.Option("--render", help="Print the objects, and change nothing: for GitOps.")
    ] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    adopt: Adopt = False,
    force_conflicts: Force = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return once written, ready or not.")
    ] = False,
    timeout: Timeout = Apply.ready,
    verbose: Verbose = False,
    output: Output = Form.text,
) -> None:
    """Install the operator, or bring it up to this version: its namespace, Manor's kinds, its
    rights, its pods.

    A second run writes nothing. The Platform says where the API server is and who reads metrics:
    that of --filename, or the cluster's. With --render no cluster is asked.

    Examples:

    \b
        manor install --save-image operator.tar           # to be pushed to your registry
        manor install --image registry.example/manor/operator:0.2.0
        manor install --node manor                        # the embedded node
        manor install --image … --verify-schedule "0 3 * * *"
        manor install --image … --traces-to http://collector.monitoring:4318
        manor install -f platform.yaml --render > manor.yaml
    """
    if save_image is not None:
        shutil.copyfile(images.ensure_operator(Report()).archive, save_image)
        return
    image = image or images.operator_reference()
    rendered = partial(
        render_operator,
        image,
        replicas=replicas,
        verify_schedule=verify_schedule,
        collector=traces_to,
    )
    given = load(filename).platform if filename else None
    if render:
        stages = install_stages(rendered(platform=given))
        objects = [obj for stage in stages for part in stage for obj in part.objects]
        echo(to_json(objects) if output is Form.json else to_yaml(objects))
        return
    if node is not None:
        kubeconfig, context = load_operator(node), None
    options = Options(adopt, force_conflicts)
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        platform = given or await _platform(client)
        operator = rendered(platform=platform)
        with shown(verbose=verbose) as show:
            outcome = await roll_out(client, install_stages(operator), options, show)
            if outcome.ok and not no_wait:
                await wait_ready(client, outcome.sets, timeout, show)
    _end(outcome, output, ready=not no_wait)


def load_operator(name: str) -> Path:
    """Make the operator's image, and put it onto an embedded node; the node's kubeconfig."""
    node, report = load_node(name), Report()
    image = images.ensure_operator(report)
    with report.task(f"load {image.reference}"):
        load_images(node, [image])
    return node.files.kubeconfig


async def _platform(client: Client) -> Platform | None:
    return (await told_state(client, workloads=False)).platform


def _end(outcome: Outcome, output: Form, *, ready: bool) -> None:
    print_steps(outcome.steps, output)
    err.print(summary(outcome.steps))
    if not outcome.ok:
        err.print("the operator was not installed; mend what is named above, and run this again")
        raise typer.Exit(EXIT_FAILED if outcome.steps else EXIT_ERROR)
    if ready:
        err.print("the operator is ready")


@run_async
async def uninstall(
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    delete_tenants: Annotated[
        bool,
        typer.Option(
            "--delete-tenants", help="Also delete every Tenant, and what was made for it."
        ),
    ] = False,
    delete_data: DeleteData = False,
    delete_namespace: DeleteNamespace = [],  # noqa: B006
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Timeout = Apply.gone,
    verbose: Verbose = False,
    output: Output = Form.text,
) -> None:
    """Remove the operator, its rights and its finalizers, after asking.

    Teams, their guardrails and all that they have stand, and so do Manor's kinds: from then on
    `manor apply` writes what specs say. With --delete-tenants teams go too, as by `manor delete`.

    Examples:

    \b
        manor uninstall
        manor uninstall --delete-tenants
    """
    if (delete_data or delete_namespace) and not delete_tenants:
        raise typer.BadParameter(
            "needs --delete-tenants", param_hint="--delete-data, --delete-namespace"
        )
    options = Options(
        delete_data=delete_data, delete_namespaces=frozenset(delete_namespace), timeout=timeout
    )
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        doomed = await _everything(client) if delete_tenants else None
        stages = delete_stages(doomed) if doomed else []
        if not yes:
            ask_before_removal(
                f"This removes the operator from {client.context} ({client.server}). What it made "
                f"stands; nothing keeps it so any more."
            )
            if doomed and doomed.specs.all:
                options = await confirmed(client, doomed.specs, stages, options)
        with shown(verbose=verbose) as show:
            removed = await remove_operator(client, options, show)
            released = await release(client)
            outcome = await take_down(client, stages, options, show)
    steps = [*removed.steps, *outcome.steps]
    print_steps(steps, output)
    err.print(f"{summary(steps)}; {len(released)} objects no longer wait for the operator")
    if not (removed.ok and outcome.ok):
        raise typer.Exit(EXIT_FAILED)


async def _everything(client: Client) -> Desired:
    """Every Tenant and workload on the cluster, as what is to be deleted."""
    documents = [
        Document(obj, f"{info.kind} {obj['metadata']['name']}", {(): 0})
        for info in (kinds.TENANT, *kinds.WORKLOADS)
        for obj in await client.list(API_VERSION, info.kind)
    ]
    return await read_desired(client, documents, warn, delete=True)
