"""How a workload stands, for its status."""

from datetime import UTC, datetime
from typing import Any

from manor.api import Model, Platform, Tenant, TrainingJob, Workload
from manor.api.status import Phase, Reason, RunStatus, TrialStatus, moment, workload_conditions
from manor.engines import Phase as Stand
from manor.engines import engine_for, model_url, served_labels
from manor.kube import Client, Object, Reader
from manor.limits import limits
from manor.objectset.kinds import CRON_JOB, DEPLOYMENT, kind_of
from manor.objectset.references import Ref
from manor.operator.statuses import Statuses
from manor.rollout.standing import Standing, standing

_PHASES = {
    Stand.NOT_APPLIED: (Phase.PENDING, Reason.PROGRESSING),
    Stand.PENDING: (Phase.PENDING, Reason.PROGRESSING),
    Stand.SUSPENDED: (Phase.QUEUED, Reason.QUEUED),
    Stand.SCHEDULED: (Phase.SCHEDULED, Reason.SCHEDULED),
    Stand.RUNNING: (Phase.RUNNING, Reason.RUNNING),
    Stand.READY: (Phase.READY, Reason.SERVING),
    Stand.STOPPED: (Phase.STOPPED, Reason.STOPPED),
    Stand.COMPLETE: (Phase.SUCCEEDED, Reason.SUCCEEDED),
    Stand.FAILED: (Phase.FAILED, Reason.FAILED),
}
_AT_REST = "it has no replica, as nobody asks; the next request waits until there is one"
_WAITING = frozenset({Phase.PENDING, Phase.QUEUED})


async def is_over(
    reader: Reader,
    statuses: Statuses,
    key: Ref,
    workload: Workload,
    generation: int,
    platform: Platform,
) -> bool:
    """Whether a run has ended, and what ran is gone, by its time to live or by hand: made anew, it
    would run again."""
    return await statuses.has_ended(key, generation) and not await is_made(
        reader, workload, platform
    )


async def is_made(reader: Reader, workload: Workload, platform: Platform) -> bool:
    """Whether what the workload's engine makes of it is there."""
    primary = engine_for(workload.kind, platform.spec.engines).primary(workload)
    where = primary.api_version, primary.kind, primary.name, primary.namespace
    return await reader.find(*where) is not None


async def tell_standing(
    client: Client,
    reader: Reader,
    statuses: Statuses,
    key: Ref,
    workload: Workload,
    generation: int,
    platform: Platform,
    tenant: Tenant,
) -> float | None:
    """Write how the workload stands, as far as its tenant may see.

    Returns the seconds after which to look again, where what it waits for tells nobody.
    """
    found = await standing(client, workload, platform.spec.engines, reader)
    phase, reason = _PHASES[found.phase]
    if found.diagnosis:
        reason = found.diagnosis.reason
    why = _AT_REST if _rests(workload, found.live) else found.reason
    said: dict[str, Any] = {"phase": phase, "message": why}
    if isinstance(workload, Model):
        said["url"] = model_url(platform, tenant, workload)
        said["selector"] = ",".join(f"{k}={v}" for k, v in served_labels(workload).items())
        said |= _counted(found.live)
    if isinstance(workload, TrainingJob):
        said |= _of_run(found) | _of_schedule(found)
        trials = [(_PHASES[one.phase][0], one.result) for one in found.trials]
        said["trials"] = [TrialStatus(phase=phase, result=result) for phase, result in trials]
    told = workload_conditions(phase, reason, why, generation)
    await statuses.tell(key, generation, told, **said)
    look = limits().operator.look
    if phase in _WAITING:
        return look
    if found.next_time and phase is Phase.SCHEDULED:
        # A run that is left out, or refused, tells nobody.
        return (found.next_time - datetime.now(UTC)).total_seconds() + look
    return None


def _rests(workload: Workload, live: Object | None) -> bool:
    """Whether a model has no replica since nobody asks."""
    idle = isinstance(workload, Model) and workload.idle_seconds is not None
    return idle and live is not None and live["spec"].get("replicas") == 0


def _of_run(found: Standing) -> dict[str, Any]:
    """When its workers began, and ended well, as the engine's object tells it."""
    if found.live is None or kind_of(found.live) == CRON_JOB:
        return {}
    told = found.live.get("status") or {}
    ended = told.get("completionTime") or told.get("endTime")  # a Job; a RayJob, however it ended
    return {
        "start_time": told.get("startTime"),
        "completion_time": ended if found.phase is Stand.COMPLETE else None,
    }


def _of_schedule(found: Standing) -> dict[str, Any]:
    """What is told of a schedule; nothing where there is none."""
    counted = (found.live or {}).get("status") or {}
    of_schedule = found.live is not None and kind_of(found.live) == CRON_JOB
    run = found.run
    return {
        "last_schedule_time": counted.get("lastScheduleTime") if of_schedule else None,
        "last_successful_time": counted.get("lastSuccessfulTime") if of_schedule else None,
        "next_schedule_time": moment(found.next_time) if found.next_time else None,
        "last_run": RunStatus(name=run.name, phase=_PHASES[run.phase][0]) if run else None,
    }


def _counted(live: Object | None) -> dict[str, int]:
    """How many pods serve a model, where the engine's object counts them."""
    if live is None or kind_of(live) != DEPLOYMENT:
        return {}
    status = live.get("status") or {}
    counts = {"replicas": "replicas", "ready_replicas": "readyReplicas"}
    return {field: status.get(name, 0) for field, name in counts.items()}
