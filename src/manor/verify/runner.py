"""Runs the checks: concurrently, in no particular order, each over its sample of pairs; nothing
vanishes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zlib import crc32

from manor import __version__, log
from manor.kube import Client, KubeError
from manor.limits import limits
from manor.verify.attempt import Asked, Attempt, Undetermined, Verdict, combine
from manor.verify.check import Check, Level
from manor.verify.context import AttackContext
from manor.verify.features import TWO_TENANTS
from manor.verify.probe.pod import Disturbed
from manor.verify.probe.probe_pods import ProbePods
from manor.verify.report import Report, Result
from manor.verify.snapshot import Snapshot
from manor.verify.team import Team, Tenancy, apart, hub, ring, with_decoy

OF_PERSONS = ("rbac", "metadata")
"""Planes whose checks ask what somebody may do elsewhere; who is in both teams may."""
OnResult = Callable[[Result], None]
Pairs = list[tuple[Team, Team]]


@dataclass(frozen=True)
class Sample:
    """Which pairs of tenants each level's checks run for."""

    static: Pairs
    dry_run: Pairs
    live: Pairs

    def of(self, check: Check) -> Pairs:
        """The pairs of one check."""
        if check.scope == "cluster":
            return self.static[:1]
        if check.level is Level.DRY_RUN:
            return spread(
                self.dry_run, limits().verify.dry_run_pairs, start=crc32(check.id.encode())
            )
        return self.live if check.level is Level.LIVE else self.static

    @property
    def words(self) -> str:
        """How the pairs were chosen, for the report."""
        return (
            f"each tenant attacks its successor in a ring ({len(self.dry_run)} pairs); static "
            f"checks also let every "
            f"tenant attack the first one ({len(self.static)} pairs); each dry-run check runs "
            f"for at most "
            f"{limits().verify.dry_run_pairs} pairs, others for each check, live checks for "
            f"{len(self.live)}, spread "
            "evenly over the ring: "
            "the cost grows with the number of tenants, not with its square"
        )


def sample(tenancy: Tenancy) -> Sample:
    """The pairs: a ring for requests, ring and hub for questions to the authorizer, a part of the
    ring for probes."""
    circle = ring(tenancy.teams)
    return Sample(
        [*circle, *hub(tenancy.teams)], circle, spread(circle, limits().verify.live_pairs)
    )


def spread(pairs: Pairs, most: int, start: int = 0) -> Pairs:
    """At most so many of the pairs, evenly spread, from `start` on."""
    if len(pairs) <= most:
        return pairs
    return [pairs[(start + number * len(pairs) // most) % len(pairs)] for number in range(most)]


async def run_one(check: Check, context: AttackContext) -> list[Attempt]:
    """The attempts of a check for one pair; what is missing for it, and whatever goes wrong in it,
    is one as well."""
    limit = limits().verify.check
    try:
        with log.bound(tenant=context.attacker.name, check=check.id):
            async with asyncio.timeout(limit):
                missing = [
                    feature for feature in check.requires if not await feature.there(context)
                ]
                skipped = [
                    Attempt("", Verdict.ASKED if feature.chosen else Verdict.SKIPPED, str(feature))
                    for feature in missing
                ]
                attempts = skipped or await check.run(context)
    except Asked as reason:
        attempts = [Attempt("", Verdict.ASKED, str(reason))]
    except TimeoutError:
        attempts = [Attempt("", Verdict.ERROR, f"took longer than {limit:g} s")]
    except (KubeError, Disturbed, Undetermined) as error:
        attempts = [Attempt("", Verdict.ERROR, str(error))]
    except Exception as error:  # a crashed check is an error in the report
        attempts = [
            Attempt("", Verdict.ERROR, f"the check crashed: {type(error).__name__}: {error}")
        ]
    for attempt in attempts:
        _log(check, context, attempt)
    return [replace(attempt, context=context.label) for attempt in attempts]


def _log(check: Check, context: AttackContext, attempt: Attempt) -> None:
    """An attempt without the answer that it got, which may be what it was after; the report has
    that."""
    write = log.debug if attempt.verdict in (Verdict.HELD, Verdict.ASKED) else log.info
    reason = (
        attempt.got if attempt.verdict in (Verdict.SKIPPED, Verdict.ASKED) else attempt.mechanism
    )
    told = {"check": check.id, "tenant": context.attacker.name, "victim": context.victim.name}
    write("attempt", **told, object=attempt.what, verdict=attempt.verdict, cause=reason)


async def verify(
    client: Client,
    tenancy: Tenancy,
    catalogue: Sequence[Check],
    level: Level,
    *,
    probe_image: str | None = None,
    on_result: OnResult = lambda _: None,
) -> Report:
    """Runs the checks of `catalogue` that `level` includes. Leaves nothing behind, also when
    cancelled."""
    started, clock = datetime.now(UTC), time.monotonic()
    tenancy = with_decoy(tenancy)
    pairs = sample(tenancy)
    chosen = [check for check in catalogue if level.includes(check.level)]
    version = await client.request("GET", "/version")
    snapshot = Snapshot(client, [team.stand_in for team in tenancy.teams if team.stand_in])
    async with ProbePods.set(client, tenancy, level, probe_image) as probes:
        slots = asyncio.Semaphore(limits().verify.concurrency)

        async def attempt(check: Check, attacker: Team, victim: Team) -> list[Attempt]:
            if check.plane in OF_PERSONS and TWO_TENANTS not in check.requires:
                attacker, victim = apart(tenancy, attacker, victim)
            async with slots:
                return await run_one(
                    check, AttackContext(client, tenancy, attacker, victim, snapshot, probes)
                )

        async def whole(check: Check) -> Result:
            begun = time.monotonic()
            if check.alone:
                parts = [await attempt(check, *pair) for pair in pairs.of(check)]
            else:
                parts = await asyncio.gather(*(attempt(check, *pair) for pair in pairs.of(check)))
            attempts = [attempt for part in parts for attempt in part]
            result = Result(check, attempts, combine(attempts), time.monotonic() - begun)
            on_result(result)
            return result

        together = await asyncio.gather(*(whole(check) for check in chosen if not check.alone))
        done = {result.check.id: result for result in together}
        for check in chosen:
            if check.alone:
                done[check.id] = await whole(check)
    return Report(
        server=client.server,
        context=client.context,
        kubernetes=version["gitVersion"],
        manor=__version__,
        level=level,
        started=started,
        seconds=time.monotonic() - clock,
        tenants=[team.name for team in tenancy.teams],
        pairs=[f"{attacker.name} → {victim.name}" for attacker, victim in pairs.static],
        sampling=pairs.words,
        left=probes.left,
        results=[done[check.id] for check in chosen],
    )
