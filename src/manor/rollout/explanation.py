"""What a person asks of one pod or workload: how it stands, why, and what to do."""

from dataclasses import dataclass
from typing import Any

from manor.api import Workload, Workspace
from manor.api.platform import Engines
from manor.api.status import Reason
from manor.engines import Phase
from manor.kube import Client, Object
from manor.objectset.readiness import readiness
from manor.rollout.diagnosis import Diagnosis, diagnose, told
from manor.rollout.standing import standing

_STORED = told(Reason.NOT_APPLIED, "it is stored, and nothing was made of it")
START = "`manor open` starts it again"
"""What to do with a workspace that has stopped."""

_GOOD = {
    Phase.READY: told(Reason.SERVING),
    Phase.COMPLETE: told(Reason.SUCCEEDED),
}
"""How it stands where all is well."""
_RESTS = {Phase.SCHEDULED: Reason.SCHEDULED, Phase.STOPPED: Reason.STOPPED}
"""Why nothing of it runs, where all is well."""


@dataclass(frozen=True)
class Explanation:
    """How an object stands, and what is in its way."""

    kind: str
    namespace: str
    name: str
    phase: str
    diagnosis: Diagnosis
    runs: bool
    """Whether it does what it is for, or has done it, or nothing is in its way."""

    def written(self) -> dict[str, Any]:
        """As a program reads it."""
        found = self.diagnosis
        return {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "phase": self.phase,
            "runs": self.runs,
            "reason": found.reason.value,
            "message": found.message,
            "advice": found.advice,
            "unseen": found.unseen,
        }


async def explain_workload(client: Client, workload: Workload, engines: Engines) -> Explanation:
    """A workload that one of `engines` runs."""
    stands = await standing(client, workload, engines)
    rests = _RESTS.get(stands.phase, Reason.RUNNING)
    found = stands.diagnosis or _GOOD.get(stands.phase) or told(rests, stands.reason)
    if stands.phase is Phase.NOT_APPLIED:
        found = _STORED
    if stands.phase is Phase.STOPPED and isinstance(workload, Workspace):
        found = told(Reason.STOPPED, stands.reason, START)
    runs = not found.obstructed
    meta = workload.metadata
    return Explanation(workload.kind, meta.namespace, meta.name, stands.phase.value, found, runs)


async def explain_object(client: Client, obj: Object) -> Explanation:
    """A live pod, or a live object that makes pods."""
    meta, status = obj["metadata"], obj.get("status") or {}
    phase = status.get("phase") or ("Ready" if readiness(obj, jobs=True).ready else "Pending")
    found = await diagnose(client, obj)
    if phase == "Succeeded":
        found = told(Reason.SUCCEEDED)
    elif phase in ("Running", "Ready") and not (found.obstructed or found.message):
        found = told(Reason.RUNNING)
    runs = not found.obstructed
    return Explanation(obj["kind"], meta["namespace"], meta["name"], phase, found, runs)
