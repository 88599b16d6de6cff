"""How a workload stands, told from the object that its engine made of it."""

from dataclasses import dataclass

from manor.api import Workload
from manor.api.platform import Engines
from manor.apply.wait import hint
from manor.engines import Phase, engine_for
from manor.kube import Client, NotFound
from manor.objectset.readiness import readiness


@dataclass(frozen=True)
class Standing:
    """How a workload stands, and, in the server's words, why it is no further."""

    phase: Phase
    reason: str = ""


async def standing(client: Client, workload: Workload, engines: Engines) -> Standing:
    """The standing of a workload that one of `engines` runs."""
    engine = engine_for(workload.kind, engines)
    primary = engine.primary(workload)
    try:
        live = await client.get(primary.api_version, primary.kind, primary.name, primary.namespace)
    except NotFound:
        return Standing(Phase.NOT_APPLIED)
    state = readiness(live, jobs=True)
    phase = engine.phase(live, ready=state.ready, final=state.final)
    if state.ready or phase is Phase.SUSPENDED:
        return Standing(phase)
    why = await hint(client, live) if phase is not Phase.RUNNING else ""
    return Standing(phase, "; ".join(text for text in (state.reason, why) if text))
