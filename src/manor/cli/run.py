"""`manor run` and `rerun`: code of this machine as a TrainingJob, followed to its end."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from manor.api import TrainingJob
from manor.cli.attending import attend
from manor.cli.completion import complete_jobs
from manor.cli.moving import moving
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import Warnings, echo, err, print_object, run_async
from manor.cli.progress import warn
from manor.jobs import BadRequest, Request, Source, find, grid, rerun, submit, variables
from manor.kube import Client

Detach = Annotated[
    bool, typer.Option("--detach", "-d", help="Return once it is made; print its name.")
]


class Form(StrEnum):
    """How a TrainingJob is printed."""

    yaml = "yaml"
    json = "json"


@run_async
async def run(
    command: Annotated[
        list[str],
        typer.Argument(metavar="SCRIPT [-- ARGS…]", help="A Python script; or -- and a command."),
    ],
    name: Annotated[str, typer.Option(help="Its name; one made of the script if absent.")] = "",
    namespace: Namespace = None,
    image: Annotated[str, typer.Option(help="Image; the Platform's if absent.")] = "",
    gpu: Annotated[int, typer.Option(min=0, help="GPUs of each worker.")] = 0,
    gpu_flavor: Annotated[str, typer.Option(help="GPU flavor of the Platform.")] = "",
    cpu: Annotated[str, typer.Option(help="Cores of each worker, such as 4.")] = "",
    memory: Annotated[str, typer.Option(help="Memory of each worker, such as 8Gi.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Pods that run at once.")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="Processes of each, for torchrun.")] = 1,
    queue: Annotated[str, typer.Option(help="Queue of the team that admits it.")] = "",
    env: Annotated[
        list[str], typer.Option("--env", metavar="K=V", help="Environment variable; repeatable.")
    ] = [],  # noqa: B006 - typer reads it once
    env_from: Annotated[
        list[str],
        typer.Option(metavar="SECRET", help="Secret whose keys are variables; repeatable."),
    ] = [],  # noqa: B006
    volume: Annotated[
        list[str],
        typer.Option(metavar="NAME:/PATH[:ro]", help="Volume of the team; repeatable."),
    ] = [],  # noqa: B006
    data: Annotated[
        list[str],
        typer.Option(
            metavar="URI[:/PATH]",
            help="Data that each worker finds, at /data if no path is said; repeatable.",
        ),
    ] = [],  # noqa: B006
    save: Annotated[
        list[str],
        typer.Option(
            metavar="URI[:/PATH]",
            help="Where what each worker writes is stored once it has ended well; what is at /out "
            "if no path is said; repeatable.",
        ),
    ] = [],  # noqa: B006
    connection: Annotated[
        str,
        typer.Option(
            metavar="SECRET", help="By which data is fetched and stored; see manor connect."
        ),
    ] = "",
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder that goes along; the script's own if absent."),
    ] = None,
    code_volume: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Volume that takes the code; for large code alone, the "
            "namespace's only one if absent.",
        ),
    ] = "",
    retries: Annotated[int, typer.Option(min=0, help="Restarts of a failed worker.")] = 0,
    timeout: Annotated[
        int | None, typer.Option(min=1, help="Longest run, in seconds; endless if absent.")
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(metavar="CRON", help="When it runs, again and again: '0 3 * * *', @daily."),
    ] = None,
    time_zone: Annotated[str, typer.Option(help="Of the schedule; UTC if absent.")] = "",
    sweep: Annotated[
        list[str],
        typer.Option(
            metavar="K=V,V…", help="Values of a variable, each in trials of its own; repeatable."
        ),
    ] = [],  # noqa: B006
    at_once: Annotated[int, typer.Option(min=1, help="Trials that run at once, at most.")] = 1,
    detach: Detach = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the TrainingJob; write nothing.")
    ] = False,
    output: Annotated[
        Form, typer.Option("--output", "-o", help="How --dry-run prints it.")
    ] = Form.yaml,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Run a script of this machine as a TrainingJob, and follow its log. Ctrl-C asks whether to
    leave it or to cancel it.

    The folder of the script goes along, but for what its .manorignore (or .gitignore) names: small
    text as `files`, other code on a volume of the team. Exit code: the script's own.

    Examples:

    \b
        manor run train.py -n vision
        manor run train.py -n vision --gpu 1 --memory 16Gi --volume data:/data -- --epochs 3
        manor run train.py -n vision --data s3://vision/faces:/data --connection bucket
        manor run train.py -n vision --save s3://vision/runs/1:/out --connection bucket
        manor run -n vision --folder . -- torchrun --nproc-per-node 2 train.py
        manor run train.py -n vision --sweep LR=0.1,0.01 --sweep DEPTH=2,4 --at-once 2
        manor run train.py -n vision --schedule '0 3 * * *' --time-zone Europe/Berlin
        manor run train.py --dry-run > job.yaml
    """
    if schedule == "":  # a shell's variable that is not set, say
        raise BadRequest("--schedule is empty; write a schedule, or leave it out to run once")
    request = Request(
        command=command,
        name=name,
        image=image,
        cpu=cpu,
        memory=memory,
        gpu=gpu,
        gpu_flavor=gpu_flavor,
        workers=workers,
        processes=processes,
        queue=queue,
        env=variables(env),
        env_from=env_from,
        volumes=volume,
        data=data,
        outputs=save,
        connection=connection,
        retries=retries,
        timeout=timeout,
        schedule=schedule or "",
        time_zone=time_zone,
        sweep=grid(sweep),
        at_once=at_once,
    )
    source = Source(folder, code_volume)
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        place = namespace or client.namespace
        if dry_run:
            await submit(
                *(client, request, place, source),
                progress=warn,
                shown=lambda obj: print_object(obj, output),
            )
            return
        with moving() as moved:
            job = await submit(client, request, place, source, progress=warn, moved=moved)
        await _made(client, job, detach=detach)


@run_async
async def rerun_command(
    job: Annotated[str, typer.Argument(metavar="JOB", autocompletion=complete_jobs)],
    name: Annotated[str, typer.Option(help="Its name; the next number if absent.")] = "",
    namespace: Namespace = None,
    detach: Detach = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Run a job once more, as it is on the cluster and of the same code, under the next name; one
    with a schedule once, at once.

    Examples:

    \b
        manor rerun train-x7k2pq -n vision          # makes train-x7k2pq-2
    """
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        made = await rerun(client, job, namespace or client.namespace, name, warn)
        await _made(client, made, detach=detach)


async def _made(client: Client, job: TrainingJob, *, detach: bool) -> None:
    meta = job.metadata
    err.print(f"TrainingJob {meta.namespace}/{meta.name}")
    if job.spec.schedule:
        stands = await (await find(client, meta.name, meta.namespace)).standing()
        err.print(f"{stands.phase.value}: {stands.reason}")
    if detach or job.spec.schedule:
        echo(meta.name)
        return
    raise typer.Exit(await attend(client, meta.name, meta.namespace))
