"""How a workload stands, told from the object that its engine made of it."""

from dataclasses import dataclass, replace

from manor.api import Workload, Workspace
from manor.api.platform import Engines
from manor.api.status import Reason
from manor.engines import Phase, engine_for
from manor.kube import Client, DirectReader, Object, Reader
from manor.objectset.readiness import readiness
from manor.rollout.diagnosis import Diagnosis, diagnose, told
from manor.rollout.evidence import last_words


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
    state = readiness(live, jobs=True)
    phase = engine.phase(live, ready=state.ready, final=state.final)
    if phase is Phase.STOPPED:
        return Standing(phase, await last_words(client, live), live=live)
    if state.ready or phase is Phase.READY:
        return Standing(phase, live=live)
    if phase is Phase.RUNNING:
        return Standing(phase, state.reason, live=live)
    found = await diagnose(client, live)
    if phase is Phase.SUSPENDED and found.reason is Reason.PROGRESSING:
        found = replace(told(Reason.QUEUED, "it waits in its queue"), unseen=found.unseen)
    said = "" if phase is Phase.SUSPENDED else state.reason
    known = [said, "" if found.message and found.message in said else found.message]
    return Standing(phase, "; ".join(text for text in known if text), found, live)
