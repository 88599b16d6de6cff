"""What one does with a run: read its log, stop it, look into it, reach its ports, bring files; and
with a workspace: open and stop it."""

import asyncio
import os
import sys
import webbrowser
from typing import Annotated

import typer

from manor.api import Workspace
from manor.cli.attending import telling
from manor.cli.completion import complete_jobs, complete_targets, complete_workspaces
from manor.cli.moving import moving
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import Warnings, echo, err, run_async
from manor.cli.progress import warn
from manor.cli.terminal import converse
from manor.errors import ManorError
from manor.jobs import (
    NoSuchTarget,
    cancel,
    container_of,
    copy,
    find,
    follow,
    forwarded,
    has_started,
    running_pod,
    start,
    stop,
    token_of,
    until_stopped,
)
from manor.kube import Client, Object

Target = Annotated[
    str,
    typer.Argument(
        metavar="JOB",
        help="Its name, or a workspace's; also model/NAME or pod/NAME.",
        autocompletion=complete_targets,
    ),
]
Worker = Annotated[int, typer.Option("--worker", min=0, help="Which worker; 0 is the first.")]


@run_async
async def logs(
    target: Target,
    follow_it: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until it ends, or Ctrl-C.")
    ] = False,
    worker: Worker = 0,
    tail: Annotated[
        int | None, typer.Option(min=1, help="Its last lines alone; not with --follow.")
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Print the log of a job's worker, or of a model's replica; of a job with a schedule that of
    its newest run.

    Examples:

    \b
        manor logs train-x7k2pq -n vision
        manor logs -f --worker 1 train-x7k2pq -n vision
        manor logs model/digits -n vision
    """
    async with Client.connect(kubeconfig, context) as client:
        run = await find(client, target, namespace or client.namespace)
        if follow_it:
            with telling() as told:
                async for line in follow(run, worker, told):
                    told(None)
                    echo(line)
            return
        started = [pod for pod in await run.workers(worker) if has_started(pod)]
        if not started:
            stands = await run.standing()
            reason = f": {stands.reason}" if stands.reason else ""
            raise NoSuchTarget(f"worker {worker} has no log yet: {stands.phase.value}{reason}")
        meta, container = started[-1]["metadata"], container_of(started[-1])
        name = meta["name"]
        echo(await client.logs(run.namespace, name, container=container, tail_lines=tail))


@run_async
async def cancel_command(
    job: Annotated[str, typer.Argument(metavar="JOB", autocompletion=complete_jobs)],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Stop a job that has not ended: it and its pods are deleted; what it wrote onto volumes stays.
    Of a job with a schedule the run that goes on is stopped; the next one begins at its time.

    Examples:

    \b
        manor cancel train-x7k2pq -n vision
    """
    async with Client.connect(kubeconfig, context) as client:
        place = namespace or client.namespace
        await cancel(client, job, place)
    err.print(f"TrainingJob {place}/{job} cancelled")


@run_async
async def exec_command(
    target: Target,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND…", help="What to run.")],
    worker: Worker = 0,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Run a command in a worker of a job that runs, on a terminal where there is one. Exit code:
    the command's own.

    Examples:

    \b
        manor exec train-x7k2pq -n vision -- python3
        manor exec train-x7k2pq -n vision --worker 1 -- nvidia-smi
        manor exec model/digits -n vision -- python3 -c 'import sklearn; print(sklearn)'
    """
    async with Client.connect(kubeconfig, context) as client:
        pod = await running_pod(client, target, namespace or client.namespace, worker)
        code = await converse(client, pod, container_of(pod), command)
    raise typer.Exit(code)


@run_async
async def cp(
    source: Annotated[str, typer.Argument(help="File or folder; or VOLUME:/PATH.")],
    target: Annotated[str, typer.Argument(help="VOLUME:/PATH; or file or folder.")],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Copy a file, or what is in a folder, onto a volume of the team, or off it.

    Each file is checked by its digest, and has its name only once it is whole. The same command
    again goes on where the last one ended, and leaves what is there already.

    Examples:

    \b
        manor cp train.csv data:/raw/train.csv -n vision
        manor cp images/ data:/images -n vision
        manor cp models:/digits/model.joblib . -n vision
    """
    async with Client.connect(kubeconfig, context) as client:
        with moving() as moved:
            done = await copy(client, source, target, namespace or client.namespace, moved)
    files = "1 file" if done.files == 1 else f"{done.files} files"
    err.print(f"{files}, {done.bytes} bytes: there, and checked")


@run_async
async def open_command(
    target: Target,
    port: Annotated[
        int | None, typer.Argument(help="Port of the pod; its IDE's or its first one if absent.")
    ] = None,
    worker: Worker = 0,
    local_port: Annotated[int, typer.Option(help="Port of this machine; a free one if 0.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open it in the browser.")] = True,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Open a workspace, or reach a port of a job's worker, from this machine, until Ctrl-C; no one
    else's is opened. A workspace that has stopped is started again.

    Examples:

    \b
        manor open notes -n vision                     # its JupyterLab
        manor open train-x7k2pq 6006 -n vision         # TensorBoard
        manor open model/digits -n vision --no-browser
    """
    async with Client.connect(kubeconfig, context) as client:
        place = namespace or client.namespace
        space = None if port else await _workspace(client, target, place)
        if space is None:
            pod, query = await running_pod(client, target, place, worker), ""
            wanted = port or _first_port(pod)
        else:
            with telling() as told:
                pod = await start(client, space.metadata.name, place, told, warn)
            query = f"/?token={await token_of(client, pod)}"
            wanted = space.spec.port
        async with forwarded(client, pod, wanted, local_port, Warnings()) as here:
            url = f"http://127.0.0.1:{here}{query}"
            echo(url)
            if browser and _has_windows():
                await asyncio.to_thread(webbrowser.open, url)
            if space is not None:
                await _until_it_stops(client, space.metadata.name, place)
            else:
                await asyncio.Event().wait()


async def _workspace(client: Client, target: str, namespace: str) -> Workspace | None:
    """The workspace that is meant; None where it is something else."""
    if target.startswith("pod/"):
        return None
    found = (await find(client, target, namespace)).workload
    return found if isinstance(found, Workspace) else None


async def _until_it_stops(client: Client, name: str, namespace: str) -> None:
    stands = await until_stopped(client, name, namespace)
    reason = f": {stands.reason}" if stands.reason else ""
    err.print(f"{name} has stopped{reason}; `manor open {name} -n {namespace}` starts it again")


@run_async
async def stop_command(
    name: Annotated[str, typer.Argument(metavar="WORKSPACE", autocompletion=complete_workspaces)],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Stop a workspace: what runs in it ends, and its home stays. `manor open` starts it again.

    Examples:

    \b
        manor stop notes -n vision
    """
    async with Client.connect(kubeconfig, context) as client:
        place = namespace or client.namespace
        await stop(client, name, place, warn)
    err.print(f"Workspace {place}/{name} stopped")


def _has_windows() -> bool:
    """Whether somebody is there whose browser opens beside the terminal, not in it."""
    shows = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return sys.stdout.isatty() and (shows or sys.platform in ("darwin", "win32"))


def _first_port(pod: Object) -> int:
    for port in pod["spec"]["containers"][0].get("ports") or ():
        return int(port["containerPort"])
    raise ManorError(f"pod {pod['metadata']['name']} names no port; say which")
