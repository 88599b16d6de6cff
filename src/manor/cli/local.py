"""`manor local`: the embedded node."""

import json
import signal
import subprocess
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.table import Table

from manor.cli.output import ask_before_removal, echo, out
from manor.cli.start import INTERRUPTED
from manor.local import configuration, containers, images, kubeconfig, lifecycle, status
from manor.local.binaries import Bundle
from manor.local.errors import LocalError
from manor.local.node import Node, load_node
from manor.local.progress import Report

app = typer.Typer(
    help="A real Kubernetes node on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Option(help="Which node; several run side by side.")]


class Output(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"


@app.command(
    epilog="""Examples:

    \b
    manor local up
    manor local up --name policies --api-only     (no pods; ready in seconds)
    """
)
def up(
    name: Name = "manor",
    api_only: Annotated[
        bool, typer.Option("--api-only", help="etcd, API server and controllers alone.")
    ] = False,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Faster; data may not survive a power cut.")
    ] = False,
    binaries: Annotated[
        Path | None, typer.Option(help="A folder of the node's programs; also MANOR_NODE_BINARIES.")
    ] = None,
    bundle: Annotated[
        str | None, typer.Option(help="A released bundle of the programs: a file or a URL.")
    ] = None,
) -> None:
    """Make a node, or start again one that is there, with its data."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    report = Report()
    try:
        node, started = lifecycle.up(
            name,
            api_only=api_only,
            ephemeral=ephemeral,
            binaries_folder=binaries,
            bundle=bundle,
            report=report,
        )
    except KeyboardInterrupt:
        report.note("interrupted; what this run made has been taken back")
        raise typer.Exit(INTERRUPTED) from None
    report.note(
        f"node {name!r} is up: {node.server}"
        if started
        else f"node {name!r} is up already: {node.server}"
    )
    report.note(f"kubeconfig: {node.files.kubeconfig}")


@app.command(
    epilog="""Examples:

    \b
    manor local down
    manor local down --name policies --yes
    """
)
def down(
    name: Name = "manor",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a node and everything of it, its volumes' data included."""
    node = load_node(name)
    if not yes:
        ask_before_removal(
            f"This removes node {name!r}: its cluster with all that it holds, and {_volumes(node)}."
        )
    report = Report()
    with report.task(f"remove node {name!r}"):
        lifecycle.down(name)


@app.command(
    "load-image",
    epilog="""Examples:

    \b
    manor local load-image registry.example/team/trainer:1      (held by docker, podman or buildah)
    docker save trainer:1 -o trainer.tar; manor local load-image trainer.tar
    manor local load-image manor.local/ray:0.1.0                (made here, as all of manor.local)
    """,
)
def load_image(
    image: Annotated[
        str, typer.Argument(help="An archive, as `docker save` writes it, or an image's name.")
    ],
    name: Name = "manor",
) -> None:
    """Put an image of yours on the node, where pods find it by its name. Its tag must not be
    `latest`."""
    node = load_node(name)
    file = Path(image)
    if file.is_file():
        loaded = containers.load_archive(node, file)
    elif recipe := images.recipe_of(image):
        bundle = Bundle(Path(node.bin), Path(node.share))
        containers.load_images(
            node, images.ensure([recipe], bundle=bundle, report=Report()).values()
        )
        loaded = [image]
    else:
        loaded = containers.load_image(node, image)
    echo("\n".join(loaded))


@app.command("status", epilog="Example: manor local status -o json")
def show_status(
    name: Name = "manor",
    output: Annotated[
        Output, typer.Option("--output", "-o", help="How to print it.")
    ] = Output.TABLE,
) -> None:
    """Show a node's components, their restarts and their memory. Exits with 1 unless
    all are ready."""
    described = status.describe(load_node(name))
    if output is Output.JSON:
        echo(json.dumps(described, indent=2))
    else:
        _print_status(described)
    if not described["running"] or any(
        each["state"] != "ready" for each in described["components"]
    ):
        raise typer.Exit(1)


@app.command(epilog="Examples: manor local logs, manor local logs kubelet -f")
def logs(
    component: Annotated[
        str | None, typer.Argument(help="Which component; without it, which there are.")
    ] = None,
    name: Name = "manor",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
) -> None:
    """Print a component's log."""
    folder = load_node(name).files.logs
    known = sorted(
        path.name.removesuffix(".log") for path in folder.glob("*.log") if ".1." not in path.name
    )
    if component is None:
        echo("\n".join(known))
    elif component not in known:
        raise LocalError(f"node {name!r} has no component {component!r}; it has {', '.join(known)}")
    else:
        # What `tail` does well: it follows a file that is cut when it grew too long.
        command = [
            "tail",
            "-n",
            "+1",
            *(["-F"] if follow else []),
            str(folder / f"{component}.log"),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as tail:
            for line in tail.stdout or ():
                echo(line)


@app.command(
    "kubeconfig",
    epilog="""Examples:

    \b
    kubectl --kubeconfig "$(manor local kubeconfig --path)" get nodes
    manor local kubeconfig --merge      (then: kubectl --context manor-manor get nodes)
    manor local kubeconfig --user alice --group team-a > alice.kubeconfig
    """,
)
def show_kubeconfig(
    name: Name = "manor",
    path: Annotated[
        bool, typer.Option("--path", help="Print where it lies instead of what it says.")
    ] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Put it into $KUBECONFIG or ~/.kube/config.")
    ] = False,
    use: Annotated[
        bool, typer.Option("--use", help="With --merge: make it the current context.")
    ] = False,
    user: Annotated[
        str | None, typer.Option(help="For this user instead of the administrator.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A group of that user; may be given several times.")
    ] = None,
) -> None:
    """Print the administrator's kubeconfig, or a user's."""
    node = load_node(name)
    if merge:
        kubeconfig.merge(node, kubeconfig.user_file(), use=use)
        echo(f"context {kubeconfig.context_of(node)} is in {kubeconfig.user_file()}")
        return
    file = (
        configuration.user_kubeconfig(node, user, tuple(group or ()))
        if user
        else node.files.kubeconfig
    )
    echo(str(file) if path else file.read_text().rstrip())


def _volumes(node: Node) -> str:
    volumes = list(node.files.volumes.iterdir()) if node.files.volumes.is_dir() else []
    return f"the data of {len(volumes)} volume{'' if len(volumes) == 1 else 's'} in {node.home}"


def _print_status(described: dict[str, Any]) -> None:
    state = (
        "running"
        if described["running"]
        else f"not running; `manor local up --name {described['name']}` starts it"
    )
    out.print(f"node {described['name']}: {state}", soft_wrap=True)
    out.print(f"API server {described['server']}")
    if described["ingress"]:
        out.print(f"gateway {described['ingress']}")
    if not described["running"]:
        return
    out.print(f"memory {_mebibytes(described['memory'])}")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("COMPONENT", "STATE", "FOR", "RESTARTS", "LAST EXIT", "PID", "MEMORY"):
        table.add_column(column, no_wrap=True)
    for each in described["components"]:
        cells = (
            each["name"],
            each["state"],
            f"{each['seconds']:.0f} s",
            each["restarts"],
            each["lastExit"],
        )
        table.add_row(*map(str, cells), str(each["pid"] or ""), _mebibytes(each["memory"]))
    out.print(table)


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """End like Ctrl-C does: by way of what cleans up."""
    raise KeyboardInterrupt
