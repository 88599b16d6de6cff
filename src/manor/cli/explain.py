"""`manor explain`: why something does not run, and what to do."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from manor.api import kinds
from manor.api.platform import Engines
from manor.cli.completion import complete_kinds, complete_of_kind
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import EXIT_FAILED, Format, echo, print_object, run_async
from manor.kube import Client, NotFound
from manor.load import read
from manor.nouns import singular
from manor.rollout.explanation import Explanation, explain_object, explain_workload
from manor.rollout.feasibility import could_run, pod_like
from manor.state import NoSuchWorkload, read_workload


@run_async
async def explain(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="pod|job|model|workspace", help="Its kind.", autocompletion=complete_kinds
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="Its name.", autocompletion=complete_of_kind)
    ] = None,
    filename: Annotated[
        str | None,
        typer.Option(
            "--filename",
            "-f",
            metavar="FILE",
            help="Could a pod like this run? A Pod, or what makes pods; - for standard input.",
        ),
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="How the answer is printed.")
    ] = Format.table,
) -> None:
    """Say why a pod, job, model or workspace does not run, and what to do; or whether a pod could.

    Nothing is written. Exit code 0 where nothing is in its way, 1 where something is.

    Examples:

    \b
        manor explain job digits -n vision
        manor explain model digits -n vision -o json
        manor explain -f pod.yaml -n vision
    """
    if kind and name is None:
        kind, _, name = kind.partition("/")
    if (filename is not None) == bool(kind and name):
        raise typer.BadParameter("give a kind and a name, or a file with -f")
    noun = singular(kind or "pod")
    if noun not in ASKED:
        raise typer.BadParameter(f"no kind {kind!r}; there are: {', '.join(ASKED)}")
    async with Client.connect(kubeconfig, context) as client:
        place = namespace or client.namespace
        if filename is not None:
            found = await _foreseen(client, filename, place)
        else:
            found = await ASKED[noun](client, name or "", place)
    if output is Format.table:
        _print(found)
    else:
        print_object(found.written(), output)
    if not found.runs:
        raise typer.Exit(EXIT_FAILED)


async def _pod(client: Client, name: str, namespace: str) -> Explanation:
    return await explain_object(client, await client.get("v1", "Pod", name, namespace))


async def _job(client: Client, name: str, namespace: str) -> Explanation:
    """A TrainingJob, or a Job where there is none of that name."""
    try:
        return await _workload(client, kinds.TRAINING_JOB.kind, name, namespace)
    except NoSuchWorkload as missing:
        try:
            live = await client.get("batch/v1", "Job", name, namespace)
        except NotFound:
            raise missing from None
    return await explain_object(client, live)


async def _model(client: Client, name: str, namespace: str) -> Explanation:
    return await _workload(client, kinds.MODEL.kind, name, namespace)


async def _workspace(client: Client, name: str, namespace: str) -> Explanation:
    return await _workload(client, kinds.WORKSPACE.kind, name, namespace)


async def _workload(client: Client, kind: str, name: str, namespace: str) -> Explanation:
    known = await read_workload(client, kind, name, namespace)
    engines = known.platform.spec.engines if known.platform else Engines()
    return await explain_workload(client, known.workloads[0], engines)


ASKED: dict[str, Callable[[Client, str, str], Awaitable[Explanation]]] = {
    "pod": _pod,
    "job": _job,
    "model": _model,
    "workspace": _workspace,
}
"""What can be asked of."""


async def _foreseen(client: Client, filename: str, namespace: str) -> Explanation:
    documents = read([filename])
    if len(documents) != 1:
        raise typer.BadParameter(f"{filename}: holds {len(documents)} objects; give one")
    obj = documents[0].value
    pod, count = pod_like(obj, namespace)
    found = await could_run(client, pod, count)
    name = (obj.get("metadata") or {}).get("name") or ""
    place = pod["metadata"]["namespace"]
    return Explanation(obj["kind"], place, name, "NotMade", found, not found.obstructed)


def _print(found: Explanation) -> None:
    """In words, a line for each part that there is."""
    diagnosis = found.diagnosis
    if found.phase == "NotMade":
        head = "could run now" if found.runs else f"could not run now: {diagnosis.reason.value}"
    else:
        head = found.phase + ("" if found.runs else f", {diagnosis.reason.value}")
    echo(f"{found.kind} {found.namespace}/{found.name}: {head}\n")
    parts = {"why": diagnosis.message, "do": diagnosis.advice, "not seen": diagnosis.unseen}
    for part, text in parts.items():
        if text:
            echo(f"  {part + ':':10}{text}\n")
