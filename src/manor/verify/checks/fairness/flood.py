"""One tenant's flood of requests leaves another's requests answered."""

import asyncio
import time
from collections.abc import Callable
from statistics import median

from manor.kube import ApiError
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds, seen
from manor.verify.ground import Ground
from manor.verify.trial import Trial

REQUESTS, AT_ONCE, LIMIT = 600, 60, 0.5


async def _flood(ground: Ground) -> int:
    slots, done = asyncio.Semaphore(AT_ONCE), 0
    tenant = ground.act()

    async def one() -> None:
        nonlocal done
        async with slots:
            try:
                await tenant.list("v1", "Pod", ground.attacker.namespace)
            except ApiError as error:
                if error.status != 429:
                    raise
            done += 1

    await asyncio.gather(*(one() for _ in range(REQUESTS)))
    return done


async def _ask(ground: Ground, until: Callable[[], bool]) -> list[float]:
    """Seconds of each of the victim's requests, ten at least."""
    victim = ground.victim.actor.client(ground.client)
    times: list[float] = []
    while not until() or len(times) < 10:
        begun = time.monotonic()
        await victim.list("v1", "ConfigMap", ground.victim.namespace)
        times.append(time.monotonic() - begun)
        await asyncio.sleep(0.02)
    return times


async def _attack(ground: Ground) -> list[Trial]:
    quiet = await _ask(ground, lambda: True)
    flood = asyncio.create_task(_flood(ground))
    times = await _ask(ground, flood.done)
    got = f"{len(times)} requests: median {median(times) * 1000:.0f} ms, slowest {max(times) * 1000:.0f} ms"
    return [
        seen(f"{ground.victim.name} is answered when it is quiet", f"median {median(quiet) * 1000:.0f} ms"),
        holds(
            f"{await flood} lists by {ground.attacker.name}", median(times) <= LIMIT, got, "API Priority and Fairness"
        ),
    ]


CHECK = Check(
    id="MNR-FAIRNESS-004",
    title="Flood the API server",
    guarantee="One tenant's flood of requests leaves another's requests answered.",
    severity=Severity.MEDIUM,
    level=Level.LIVE,
    references=(
        "Kubernetes: API Priority and Fairness",
        "CVE-2020-8552 (class)",
        "MTB: Fairness",
    ),
    attempt="Sends 600 lists as the attacker, 60 at a time, while the victim gets an object again and again.",
    expect=(
        "Every request of the victim is answered, none is refused for overload, and half of them within half a second."
    ),
    remedy="`manor apply` writes the FlowSchema and the level again.",
    run=_attack,
)
