"""`manor get jobs`, `manor get models` and `manor get workspaces`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from manor.api import API_VERSION, Model, TrainingJob, Workload, Workspace
from manor.api.platform import Engines
from manor.api.status import WorkloadStatus
from manor.apply.concurrency import concurrently
from manor.cli.cluster import told
from manor.cli.completion import complete_jobs, complete_models, complete_workspaces
from manor.cli.get.options import AllNamespaces, Output, Watch, looked_into, place_of
from manor.cli.listing import Listing, Row, Source, show, with_namespaces
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import ListFormat, run_async
from manor.engines import Phase
from manor.errors import ManorError
from manor.kube import Client, Object
from manor.nouns import singular
from manor.render import spec_object
from manor.rollout import standing
from manor.rollout.explanation import START
from manor.state import State, read_workloads

_STORED = "stored, and nothing runs: `manor apply` makes it so"
"""Why a workload is no further of which nothing was made."""


@run_async
async def jobs(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of TrainingJobs; all when absent.", autocompletion=complete_jobs
        ),
    ] = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = ListFormat.table,
    watch: Watch = False,
) -> None:
    """List the TrainingJobs of a namespace, how they stand, and why one does not run.

    Examples:

    \b
        manor get jobs -n vision
        manor get job train-x7k2pq -n vision -o yaml
        manor get jobs -A -w
    """
    async with Client.connect(kubeconfig, context) as client:
        place = looked_into(client, namespace, everywhere=all_namespaces)
        await _show(client, TrainingJob, name or [], place, output, watch=watch)


@run_async
async def models(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of Models; all when absent.",
            autocompletion=complete_models,
        ),
    ] = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = ListFormat.table,
    watch: Watch = False,
) -> None:
    """List the Models of a namespace, how they stand, and why one does not answer.

    Examples:

    \b
        manor get models -n vision
    """
    async with Client.connect(kubeconfig, context) as client:
        place = looked_into(client, namespace, everywhere=all_namespaces)
        await _show(client, Model, name or [], place, output, watch=watch)


@run_async
async def workspaces(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of Workspaces; all when absent.", autocompletion=complete_workspaces
        ),
    ] = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = ListFormat.table,
    watch: Watch = False,
) -> None:
    """List the Workspaces of a namespace, how they stand, and why one does not run.

    Examples:

    \b
        manor get workspaces -n vision
        manor get workspaces -n vision -w
    """
    async with Client.connect(kubeconfig, context) as client:
        place = looked_into(client, namespace, everywhere=all_namespaces)
        await _show(client, Workspace, name or [], place, output, watch=watch)


async def _show(
    client: Client,
    kind: type[Workload],
    names: Sequence[str],
    namespace: str | None,
    output: ListFormat,
    *,
    watch: bool,
) -> None:
    async def look() -> Listing:
        return await listing(client, kind, names, namespace)

    sources = [Source(API_VERSION, kind.__name__, namespace), Source("v1", "Pod", namespace)]
    nothing = f"no {singular(kind.__name__)}s in {place_of(namespace)}"
    await show(client, look, output, nothing, sources if watch else None, alone=len(names) == 1)


async def listing(
    client: Client, kind: type[Workload], names: Sequence[str], namespace: str | None
) -> Listing:
    """The workloads of a kind in a namespace, or in all that the user may see; all of them where
    there are no `names`."""
    known = told(await read_workloads(client, kind.__name__, namespace))
    wanted = [one for one in known.workloads if not names or one.metadata.name in names]
    if missing := sorted(set(names) - {one.metadata.name for one in wanted}):
        raise ManorError(
            f"there is no {kind.__name__} {', '.join(missing)} in {place_of(namespace)}"
        )
    engines = known.platform.spec.engines if known.platform else Engines()
    statuses = [_told(known, one) for one in wanted]
    rows = await concurrently(
        _row(client, one, status, engines) for one, status in zip(wanted, statuses, strict=True)
    )
    found = Listing(("NAME", "STATUS", "MESSAGE"), ("WHAT TO DO",), list(rows))
    if namespace:
        return found
    return with_namespaces(found, [one.metadata.namespace for one in wanted])


async def _row(client: Client, workload: Workload, status: Object | None, engines: Engines) -> Row:
    """What whoever acts on the workload says of it, or else what is seen."""
    advice = ""
    if status is None:
        seen = await standing(client, workload, engines)
        message = _STORED if seen.phase is Phase.NOT_APPLIED else seen.reason
        status = {"phase": seen.phase.value, "message": message}
        advice = seen.diagnosis.advice if seen.diagnosis else ""
    if status["phase"] == Phase.STOPPED and isinstance(workload, Workspace):
        advice = START
    cells = (workload.metadata.name, status["phase"], status.get("message", ""))
    whole = status
    return Row(cells, (advice,), lambda: spec_object(workload) | {"status": whole})


def _told(known: State, workload: Workload) -> Object | None:
    status = known.status_of(workload)
    return status.written() if isinstance(status, WorkloadStatus) and status.phase else None
