"""`manor get trials`: a sweep as a table."""

from typing import Annotated

import typer

from manor.api import API_VERSION, kinds
from manor.cli.completion import complete_jobs
from manor.cli.get.options import Output, Watch
from manor.cli.listing import Listing, Row, Source, show
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import ListFormat, run_async
from manor.errors import ManorError
from manor.jobs import find
from manor.kube import Client
from manor.rollout import Trial


@run_async
async def trials(
    job: Annotated[str, typer.Argument(metavar="JOB", autocompletion=complete_jobs)],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = ListFormat.table,
    watch: Watch = False,
) -> None:
    """List the trials of a job with a sweep: the parameters of each, how it stands, its result.

    The number of a trial is the worker of `manor logs`.

    Examples:

    \b
        manor get trials train-x7k2pq -n vision
        manor get trials train-x7k2pq -n vision -o json
        manor logs train-x7k2pq --worker 3 -n vision
    """
    async with Client.connect(kubeconfig, context) as client:
        place = namespace or client.namespace

        async def look() -> Listing:
            return await listing(client, job, place)

        sources = [Source(API_VERSION, kinds.TRAINING_JOB.kind, place), Source("v1", "Pod", place)]
        await show(client, look, output, "no trials", sources if watch else None)


async def listing(client: Client, job: str, namespace: str) -> Listing:
    """The trials of a job's sweep."""
    stands = await (await find(client, f"job/{job}", namespace)).standing()
    if not stands.trials:
        words = "nothing runs of it" if stands.live is None else "it has none"
        raise ManorError(f"{job}: no trials to list: {words}; `manor get jobs {job}` tells more")
    names = tuple(dict.fromkeys(name for one in stands.trials for name in one.parameters))
    rows = [_row(number, trial, names) for number, trial in enumerate(stands.trials)]
    return Listing(("TRIAL", *names, "STATUS", "RESULT"), (), rows)


def _row(number: int, trial: Trial, names: tuple[str, ...]) -> Row:
    values = (trial.parameters.get(name, "-") for name in names)
    cells = (str(number), *values, trial.phase.value, trial.result)
    said = {"parameters": dict(trial.parameters), "phase": trial.phase.value}
    return Row(cells, (), lambda: {"trial": number, **said, "result": trial.result})
