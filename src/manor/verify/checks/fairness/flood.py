"""One tenant's flood of requests queues behind itself.

The API server counts what each priority level dispatched; a tenant's requests must be dispatched by
a level that the other's do not use. Latency would show the load of this machine as much as the
isolation.
"""

import asyncio
import csv
import io

from manor.kube import ApiError
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen
from manor.verify.team import Team

LEVELS = "/debug/api_priority_and_fairness/dump_priority_levels"
REQUESTS, AT_ONCE = 150, 30


async def _dispatched(context: AttackContext) -> dict[str, int]:
    table = await context.client.request("GET", LEVELS)
    rows = csv.DictReader(io.StringIO(table), skipinitialspace=True)
    counts = {row["PriorityLevelName"]: row.get("DispatchedRequests") or "" for row in rows}
    return {name: int(count) for name, count in counts.items() if count.isdigit()}


async def _flood(context: AttackContext, team: Team) -> tuple[set[str], int]:
    """The levels that dispatched a flood of the team's, and how many of its requests
    were refused."""
    slots, client, refused = asyncio.Semaphore(AT_ONCE), team.actor.client(context.client), 0

    async def one() -> None:
        nonlocal refused
        async with slots:
            try:
                await client.list("v1", "ConfigMap", team.namespace)
            except ApiError as error:
                if error.status != 429:
                    raise
                refused += 1

    before = await _dispatched(context)
    await asyncio.gather(*(one() for _ in range(REQUESTS)))
    after = await _dispatched(context)
    return {
        name for name, count in after.items() if count - before.get(name, 0) >= REQUESTS - refused
    }, refused


async def _attack(context: AttackContext) -> list[Attempt]:
    mine, refused = await _flood(context, context.attacker)
    theirs, _ = await _flood(context, context.victim)
    if not mine or not theirs:
        got = (
            "the API server's counters do not show the requests (is there more than one API "
            "server?)"
        )
        return [Attempt(LEVELS, Verdict.ERROR, got)]
    what = f"{REQUESTS} lists by {context.attacker.name}, {AT_ONCE} at once"
    got = f"dispatched by {', '.join(sorted(mine))}; {refused} refused for overload"
    return [
        seen(
            f"{REQUESTS} lists by {context.victim.name}",
            f"dispatched by {', '.join(sorted(theirs))}",
        ),
        holds(what, not mine & theirs, got, "API Priority and Fairness"),
    ]


CHECK = Check(
    id="MNR-FAIRNESS-004",
    title="Flood the API server",
    guarantee=(
        "One tenant's flood of requests queues in its own priority level, not before "
        "another's requests."
    ),
    severity=Severity.MEDIUM,
    level=Level.LIVE,
    references=("Kubernetes: API Priority and Fairness", "CVE-2020-8552 (class)", "MTB: Fairness"),
    attempt=(
        "Sends 150 lists as the attacker, 30 at a time, then as the victim, and reads what "
        "each level dispatched."
    ),
    expect=(
        "The attacker's requests are dispatched by a priority level that the victim's do not use."
    ),
    remedy="`manor apply` writes the FlowSchema and the level again.",
    run=_attack,
    alone=True,
)
