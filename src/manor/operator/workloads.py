"""How a workload stands, for its status."""

from typing import Any

from manor.api import Model, Platform, Tenant, Workload
from manor.api.status import Phase, Reason, workload_conditions
from manor.engines import Phase as Stand
from manor.engines import engine_for, model_url, served_labels
from manor.kube import Client, Object, Reader
from manor.limits import limits
from manor.objectset.kinds import DEPLOYMENT, kind_of
from manor.objectset.references import Ref
from manor.operator.statuses import Statuses
from manor.rollout.standing import standing

_PHASES = {
    Stand.NOT_APPLIED: (Phase.PENDING, Reason.PROGRESSING),
    Stand.PENDING: (Phase.PENDING, Reason.PROGRESSING),
    Stand.SUSPENDED: (Phase.QUEUED, Reason.QUEUED),
    Stand.RUNNING: (Phase.RUNNING, Reason.RUNNING),
    Stand.READY: (Phase.READY, Reason.SERVING),
    Stand.STOPPED: (Phase.STOPPED, Reason.STOPPED),
    Stand.COMPLETE: (Phase.SUCCEEDED, Reason.SUCCEEDED),
    Stand.FAILED: (Phase.FAILED, Reason.FAILED),
}
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
    said: dict[str, Any] = {"phase": phase, "message": found.reason}
    if isinstance(workload, Model):
        said["url"] = model_url(platform, tenant, workload)
        said["selector"] = ",".join(f"{k}={v}" for k, v in served_labels(workload).items())
        said |= _counted(found.live)
    told = workload_conditions(phase, reason, found.reason, generation)
    await statuses.tell(key, generation, told, **said)
    return limits().operator.look if phase in _WAITING else None


def _counted(live: Object | None) -> dict[str, int]:
    """How many pods serve a model, where the engine's object counts them."""
    if live is None or kind_of(live) != DEPLOYMENT:
        return {}
    status = live.get("status") or {}
    counts = {"replicas": "replicas", "ready_replicas": "readyReplicas"}
    return {field: status.get(name, 0) for field, name in counts.items()}
