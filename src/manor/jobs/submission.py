"""Runs made, stopped and made again, with the caller's own rights, as `manor apply` and `delete`
would."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic.alias_generators import to_camel

from manor.api import API_VERSION, TrainingJob, kinds
from manor.api.workload import OF_A_SCHEDULE
from manor.apply import Options
from manor.engines import Phase, homes
from manor.errors import ManorError
from manor.jobs.carrying import Courier, Moved, Parcel, unmoved, van
from manor.jobs.folder import Archive, NotInline, as_texts, files_of, packed
from manor.jobs.request import Object, Request, is_script, next_name, training_job
from manor.jobs.targets import ENDED, find
from manor.kube import Client
from manor.load import Document, Specs
from manor.rollout import (
    Desired,
    Outcome,
    Progress,
    Stages,
    apply_stages,
    delete_stages,
    read_desired,
    roll_out,
    silent,
    take_down,
)
from manor.state import State, read_state

KIND = kinds.TRAINING_JOB.kind
CODE_FOLDER = ".manor/code"
"""Where on a volume the code of runs is, a folder for each content."""


class RunError(ManorError):
    """A run cannot be made, or be stopped; the message says why."""


@dataclass(frozen=True)
class Source:
    """The code that goes along: a folder, and the volume that holds it where it is large."""

    folder: Path | None = None
    """The folder of the script where it is None; none for another command."""
    volume: str = ""
    """The namespace's only one where it is empty."""


async def submit(
    client: Client,
    request: Request,
    namespace: str,
    source: Source = Source(),
    *,
    progress: Progress = silent,
    moved: Moved = unmoved,
    shown: Callable[[Object], None] | None = None,
) -> TrainingJob:
    """Make a run: its code is put where it finds it, and its TrainingJob applied.

    All is checked before anything is written. With `shown` nothing is written, and that is called
    with the TrainingJob. Raises BadRequest, CodeError, CarryFailed, InvalidInput, RunError.
    """
    known = await read_state(client, [namespace])
    if any(one.kind == KIND and one.metadata.name == request.name for one in known.workloads):
        raise RunError(
            f"there is a TrainingJob {namespace}/{request.name}; choose another name, or delete "
            f"it: manor delete trainingjob {request.name} -n {namespace}"
        )
    request, folder = _placed(request, source)
    with ExitStack() as stack:
        code = _code(stack, known, namespace, folder, source.volume) if folder else _NO_CODE
        obj = training_job(request, namespace, code.fields)
        document = Document(obj, f"{KIND} of the run", {(): 0})
        desired = await read_desired(client, [document], progress)
        stages = apply_stages(desired)
        if shown is not None:
            shown(obj)
        else:
            if code.archive:
                await _carry(client, desired.known, namespace, code.fields["code"], code, moved)
            await _roll_out(client, obj, stages, progress)
    return _job_of(desired)


@dataclass(frozen=True)
class _Code:
    """The fields of a TrainingJob's spec that say where its code is, and what has to be carried
    there."""

    fields: Object
    archive: Archive | None = None


_NO_CODE = _Code({})


def _placed(request: Request, source: Source) -> tuple[Request, Path | None]:
    """The request with its script as it is called in the folder that goes along, and that folder:
    the script's own, unless `source` names one."""
    if len(request.command) == 1 and Path(request.command[0]).is_dir():
        raise RunError(f"{request.command[0]} is a folder; name the script in it")
    if not request.command or not is_script(request.command[0]):
        return request, source.folder
    script = Path(request.command[0])
    folder = source.folder or script.parent
    if not source.folder and folder.resolve() in (Path.home(), Path("/")):
        raise RunError(
            f"all of {folder.resolve()} would go along with {script}; put it into a folder of its "
            "own, or say what goes along with --folder"
        )
    if not script.is_file():
        raise RunError(f"{script}: no such file")
    if not script.resolve().is_relative_to(folder.resolve()):
        raise RunError(f"{script} is not in {folder}; name a folder that holds it")
    path = script.resolve().relative_to(folder.resolve()).as_posix()
    return replace(request, command=(path, *request.command[1:])), folder


def _code(stack: ExitStack, known: State, namespace: str, folder: Path, volume: str) -> _Code:
    files = files_of(folder)
    if not volume:
        try:
            return _Code({"files": as_texts(files)})
        except NotInline as reason:
            claims = known.claims.get(namespace, [])
            volume = _only_volume(claims, namespace, f"{folder} goes onto a volume: {reason}")
    archive = stack.enter_context(packed(files))
    return _Code({"code": {"volume": volume, "path": f"{CODE_FOLDER}/{archive.digest}"}}, archive)


def _only_volume(claims: Sequence[str], namespace: str, why: str) -> str:
    if len(claims) == 1:
        return claims[0]
    if claims:
        names = ", ".join(sorted(claims))
        raise RunError(f"{why}; say which (--code-volume): {names}")
    raise RunError(
        f"{why}; namespace {namespace} has no volume: have one added to the Tenant's spec.volumes, "
        "or leave files out by .manorignore"
    )


async def _carry(
    client: Client, known: Specs, namespace: str, where: Object, code: _Code, moved: Moved
) -> None:
    archive, platform, path = code.archive, known.platform, where["path"]
    assert platform is not None  # noqa: S101 - the run was compiled on it
    assert archive is not None  # noqa: S101
    parcel = Parcel(f"{path}.tar.gz", archive.file, archive.size, archive.digest)

    async def put(courier: Courier, parcel: Parcel) -> None:
        if (await courier.ask(ask="look", path=path))["kind"] == "none":
            await courier.send(parcel, moved)
            await courier.ask(ask="unpack", path=parcel.path, folder=path)

    tenant = homes(known.tenants)[namespace]
    async with van(client, platform, tenant, namespace, where["volume"]) as carrier:
        await carrier.each([parcel], put)


async def rerun(
    client: Client, name: str, namespace: str, new: str = "", progress: Progress = silent
) -> TrainingJob:
    """Make a run like another one, of the same code, under the next name that is free, or `new`;
    like one of a schedule, at once."""
    obj = await client.get(API_VERSION, KIND, name, namespace)
    jobs = await client.list(API_VERSION, KIND, namespace)
    taken = {job["metadata"]["name"] for job in jobs}
    if new in taken:
        raise RunError(f"there is a TrainingJob {namespace}/{new}; choose another name")
    metadata = {"name": new or next_name(name, taken), "namespace": namespace}
    of_schedule = {"schedule", *map(to_camel, OF_A_SCHEDULE)}
    spec = {key: value for key, value in obj["spec"].items() if key not in of_schedule}
    again = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
    desired = await read_desired(client, [Document(again, f"{KIND} {name}", {(): 0})], progress)
    await _roll_out(client, again, apply_stages(desired), progress)
    return _job_of(desired)


async def cancel(client: Client, name: str, namespace: str, progress: Progress = silent) -> None:
    """Stop a run: its TrainingJob goes, and all that was made of it; of a schedule the run that
    goes on, and no more. RunError where it has ended already: what is left of that is not lost by a
    word said late."""
    stands = await (await find(client, f"job/{name}", namespace)).standing()
    if stands.phase in ENDED:
        rests = stands.phase in (Phase.SCHEDULED, Phase.STOPPED)
        ended = "has no run that goes on" if rests else "has ended"
        raise RunError(
            f"{name} {ended} ({stands.phase.value}); to remove it: "
            f"manor delete trainingjob {name} -n {namespace}"
        )
    if stands.run:
        await client.delete("batch/v1", "Job", stands.run.name, namespace)
        return
    outcome = await _take_down(
        client, await client.get(API_VERSION, KIND, name, namespace), progress
    )
    if not outcome.ok:
        raise RunError(outcome.reasons)


async def _roll_out(client: Client, obj: Object, stages: Stages, progress: Progress) -> None:
    outcome = await roll_out(client, stages, Options(), progress)
    if not outcome.ok:
        await _take_down(client, obj)
        raise RunError(outcome.reasons)


def _job_of(desired: Desired) -> TrainingJob:
    (job,) = (one for one in desired.specs.workloads if isinstance(one, TrainingJob))
    return job


async def _take_down(client: Client, obj: Object, progress: Progress = silent) -> Outcome:
    document = Document(obj, f"{KIND} {obj['metadata']['name']}", {(): 0})
    desired = await read_desired(client, [document], progress, delete=True)
    return await take_down(client, delete_stages(desired), Options(), progress)
