"""One tenant's flood of requests queues behind itself.

The API server counts what each priority level dispatched; a tenant's requests must be dispatched by a level that the
other's do not use. Latency would show the load of this machine as much as the isolation.
"""

import asyncio
import csv
import io

from manor.kube import ApiError
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds, seen
from manor.verify.ground import Ground
from manor.verify.team import Team
from manor.verify.trial import Trial, Verdict

LEVELS = "/debug/api_priority_and_fairness/dump_priority_levels"
REQUESTS, AT_ONCE = 150, 30


async def _dispatched(ground: Ground) -> dict[str, int]:
    table = await ground.client.request("GET", LEVELS)
    rows = csv.DictReader(io.StringIO(table), skipinitialspace=True)
    counts = {row["PriorityLevelName"]: row.get("DispatchedRequests") or "" for row in rows}
    return {name: int(count) for name, count in counts.items() if count.isdigit()}


async def _flood(ground: Ground, team: Team) -> tuple[set[str], int]:
    """The levels that dispatched a flood of the team's, and how many of its requests were refused."""
    slots, client, refused = asyncio.Semaphore(AT_ONCE), team.actor.client(ground.client), 0

    async def one() -> None:
        nonlocal refused
        async with slots:
            try:
                await client.list("v1", "ConfigMap", team.namespace)
            except ApiError as error:
                if error.status != 429:
                    raise
                refused += 1

    before = await _dispatched(ground)
    await asyncio.gather(*(one() for _ in range(REQUESTS)))
    after = await _dispatched(ground)
    return {name for name, count in after.items() if count - before.get(name, 0) >= REQUESTS - refused}, refused


async def _attack(ground: Ground) -> list[Trial]:
    mine, refused = await _flood(ground, ground.attacker)
    theirs, _ = await _flood(ground, ground.victim)
    if not mine or not theirs:
        got = "the API server's counters do not show the requests (is there more than one API server?)"
        return [Trial(LEVELS, Verdict.ERROR, got)]
    what = f"{REQUESTS} lists by {ground.attacker.name}, {AT_ONCE} at once"
    got = f"dispatched by {', '.join(sorted(mine))}; {refused} refused for overload"
    return [
        seen(f"{REQUESTS} lists by {ground.victim.name}", f"dispatched by {', '.join(sorted(theirs))}"),
        holds(what, not mine & theirs, got, "API Priority and Fairness"),
    ]


CHECK = Check(
    id="MNR-FAIRNESS-004",
    title="Flood the API server",
    guarantee="One tenant's flood of requests queues in its own priority level, not before another's requests.",
    severity=Severity.MEDIUM,
    level=Level.LIVE,
    references=("Kubernetes: API Priority and Fairness", "CVE-2020-8552 (class)", "MTB: Fairness"),
    attempt="Sends 150 lists as the attacker, 30 at a time, then as the victim, and reads what each level dispatched.",
    expect="The attacker's requests are dispatched by a priority level that the victim's do not use.",
    remedy="`manor apply` writes the FlowSchema and the level again.",
    run=_attack,
    alone=True,
)
