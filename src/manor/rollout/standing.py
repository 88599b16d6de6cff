"""How a workload stands, told from the object that its engine made of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from manor.api import TrainingJob, Workload, Workspace
from manor.api.platform import Engines
from manor.api.schedule import UTC_ZONE, next_time
from manor.api.status import Reason, moment
from manor.api.workload import TrainingJobSpec
from manor.engines import Engine, Phase, engine_for
from manor.kube import Client, DirectReader, Object, Reader
from manor.objectset.readiness import readiness
from manor.rollout.diagnosis import Diagnosis, diagnose, told, why_not_made
from manor.rollout.evidence import last_words, pods_of, runs_of
from manor.rollout.restarts import restarts_in_words
from manor.rollout.trials import Trial, in_words, trials_of


class Run(NamedTuple):
    """A run of a schedule."""

    name: str
    """What its Job is called."""
    phase: Phase
    """How it stands."""


@dataclass(frozen=True)
class Standing:
    """How a workload stands, and why it is no further."""

    phase: Phase
    reason: str = ""
    """In one line, for a person."""
    diagnosis: Diagnosis | None = None
    """What is in its way, where it was asked: of what neither runs nor has ended well."""
    live: Object | None = None
    """The object that its engine made of it."""
    run: Run | None = None
    """The newest run of its schedule."""
    next_time: datetime | None = None
    """When the next run of its schedule is due."""
    trials: tuple[Trial, ...] = ()
    """The trials of its sweep, in the order of its sets."""


async def standing(
    client: Client, workload: Workload, engines: Engines, reader: Reader | None = None
) -> Standing:
    """The standing of a workload that one of `engines` runs; `reader` finds what was made of it."""
    engine = engine_for(workload.kind, engines)
    primary = engine.primary(workload)
    find = (reader or DirectReader(client)).find
    live = await find(primary.api_version, primary.kind, primary.name, primary.namespace)
    if live is None:
        if isinstance(workload, Workspace) and workload.spec.stopped:
            return Standing(Phase.STOPPED, "it was told to stop")
        return Standing(Phase.NOT_APPLIED)
    if not isinstance(workload, TrainingJob):
        return await _of_object(client, engine, live)
    if workload.spec.schedule:
        return await _of_schedule(client, engine, workload.spec, live)
    return await _of_run(client, engine, workload.spec, live)


async def _of_schedule(
    client: Client, engine: Engine[Any], spec: TrainingJobSpec, live: Object
) -> Standing:
    """As its newest run stands while that goes on; between runs, how it ended, and when the next
    one is due."""
    between, due, words = engine.phase(live, ready=True, final=False), None, "suspended"
    if between is Phase.SCHEDULED:
        due = next_time(str(spec.schedule), spec.time_zone or UTC_ZONE, datetime.now(UTC))
        words = f"next at {moment(due)}" if due else "no day of the next years fits its schedule"
    runs = await runs_of(client, live)
    last = await _of_run(client, engine, spec, runs[-1]) if runs else None
    run = Run(runs[-1]["metadata"]["name"], last.phase) if last else None
    if last and last.phase not in (Phase.COMPLETE, Phase.FAILED):
        return replace(last, live=live, run=run, next_time=due)
    found = await why_not_made(client, live)
    if run and last and last.phase is Phase.FAILED and not found:
        why = f"{run.name} failed: {last.reason.removeprefix('failed: ')}"
        found = told(Reason.FAILED, why, "mend what the message names, and apply it again")
    if found:
        words += f"; {found.message}"
    elif run:
        words += f"; {run.name} succeeded"
    return Standing(between, words, found, live, run, due, last.trials if last else ())


async def _of_run(
    client: Client, engine: Engine[Any], spec: TrainingJobSpec, live: Object
) -> Standing:
    """One run; of a sweep with its trials, of what was started again with the reason."""
    stands = await _of_object(client, engine, live)
    if spec.sweep is None:
        if stands.phase is Phase.COMPLETE:
            return stands
        again = await _restarts(client, spec, live)
        return replace(stands, reason="; ".join(filter(None, (stands.reason, again))))
    trials = trials_of(live, await pods_of(client, live), spec.sweep.parameters)
    words = in_words(trials)
    if stands.diagnosis and stands.diagnosis.message:
        words += f"; {stands.diagnosis.message}"
    return replace(stands, reason=words, trials=trials)


async def _restarts(client: Client, spec: TrainingJobSpec, live: Object) -> str:
    """How often the workers were started again; nothing is asked where none has failed."""
    status = live.get("status") or {}
    if not any(counts.get("failed") for counts in (status, *status.get("jobsStatus", ()))):
        return ""
    return await restarts_in_words(client, await pods_of(client, live), spec.retries)


async def _of_object(client: Client, engine: Engine[Any], live: Object) -> Standing:
    state = readiness(live, jobs=True)
    phase = engine.phase(live, ready=state.ready, final=state.final)
    if phase is Phase.STOPPED:
        return Standing(phase, await last_words(client, live), live=live)
    if state.ready or phase is Phase.READY:
        return Standing(phase, live=live)
    if phase is Phase.RUNNING:
        return Standing(phase, state.reason, live=live)
    found = await diagnose(client, live)
    if found.reason is Reason.RUNNING:
        phase = Phase.RUNNING
    if phase is Phase.SUSPENDED and found.reason is Reason.PROGRESSING:
        found = replace(told(Reason.QUEUED, "it waits in its queue"), unseen=found.unseen)
    said = "" if phase is Phase.SUSPENDED else state.reason
    known = [said, "" if found.message and found.message in said else found.message]
    return Standing(phase, "; ".join(text for text in known if text), found, live)
