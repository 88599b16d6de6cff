"""What a run found: the result of each check, and what was looked at, when, on which cluster."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from manor.verify.attempt import Attempt, Status, Verdict
from manor.verify.check import Check, Level

SCHEMA_VERSION = "1"
"""Version of the JSON report; fields are only added within one version."""
NAMED = 8
"""Checks that the summary names."""


@dataclass(frozen=True)
class Acceptance:
    """A finding that somebody has accepted, why, and until when."""

    id: str
    reason: str
    expires: date

    @property
    def expired(self) -> bool:
        """Whether it no longer counts."""
        return self.expires < datetime.now(UTC).date()


@dataclass(frozen=True)
class Result:
    """What a check found over all the pairs it ran for."""

    check: Check
    attempts: Sequence[Attempt]
    status: Status
    seconds: float
    """Time from its first attempt to its last, in seconds."""
    acceptance: Acceptance | None = None

    @property
    def accepted(self) -> bool:
        """Whether it did not pass and is accepted as it is, today."""
        return (
            self.status is not Status.PASS
            and self.acceptance is not None
            and not self.acceptance.expired
        )

    @property
    def mechanisms(self) -> list[str]:
        """What stopped the attacks."""
        return sorted({attempt.mechanism for attempt in self.attempts if attempt.mechanism})

    @property
    def telling(self) -> Attempt | None:
        """The attempt that decided a result other than a pass."""
        for verdict in (Verdict.BROKEN, Verdict.ERROR, Verdict.SKIPPED):
            for attempt in self.attempts:
                if attempt.verdict is verdict:
                    return attempt
        return None

    @property
    def reason(self) -> str:
        """Why it did not pass, or what held."""
        if (
            self.acceptance is not None
            and self.acceptance.expired
            and self.status is not Status.PASS
        ):
            return (
                f"accepted until {self.acceptance.expires} ({self.acceptance.reason}), which "
                f"is over. {self._told()}"
            )
        return self._told()

    def _told(self) -> str:
        attempt = self.telling
        if attempt is not None:
            return f"{attempt.what}: {attempt.got}" if attempt.what else attempt.got
        if self.status is Status.PASS:
            return "; ".join(
                filter(
                    None,
                    [
                        f"stopped by {', '.join(self.mechanisms)}" * bool(self.mechanisms),
                        *self.notes,
                    ],
                )
            )
        return "nothing was tried"

    @property
    def notes(self) -> list[str]:
        """What the specs ask for, so that it was no attack."""
        return sorted(
            {attempt.got for attempt in self.attempts if attempt.verdict is Verdict.ASKED}
        )


@dataclass(frozen=True)
class Report:
    """One run of `manor verify`."""

    server: str
    context: str
    kubernetes: str
    """Version of the API server."""
    manor: str
    """Version of Manor."""
    level: Level
    started: datetime
    seconds: float
    tenants: Sequence[str]
    pairs: Sequence[str]
    """Who attacked whom."""
    sampling: str
    """How the pairs were chosen."""
    left: Sequence[str] = ()
    """What the run made and could not remove."""
    results: Sequence[Result] = field(default_factory=list)

    def count(self) -> Counter[Status]:
        """How many results of each status, accepted ones left out."""
        return Counter(result.status for result in self.results if not result.accepted)

    @property
    def failures(self) -> list[Result]:
        """What did not pass and is not accepted: what is open first, then what could not be
        determined."""
        order = (Status.FAIL, Status.ERROR, Status.SKIPPED)
        found = [
            result for result in self.results if result.status in order and not result.accepted
        ]
        return sorted(found, key=lambda result: order.index(result.status))

    @property
    def summary(self) -> str:
        """The verdict with its numbers, and the checks behind it, in one line."""
        counted = self.count()
        numbers = (
            ", ".join(f"{counted[status]} {status}" for status in Status if counted[status])
            or "nothing checked"
        )
        ids = [result.check.id for result in self.failures]
        named = f" ({', '.join(ids[:NAMED])}{', …' if len(ids) > NAMED else ''})" if ids else ""
        return f"{self.verdict}: {numbers}{named}"

    @property
    def verdict(self) -> str:
        """`verified`, `not isolated` or `not verified`."""
        return {0: "verified", 1: "not isolated", 2: "not verified"}[self.exit_code]

    @property
    def exit_code(self) -> int:
        """0 where all passed, 1 where one failed, 2 where something could not be determined or
        removed."""
        counted = self.count()
        if counted[Status.FAIL]:
            return 1
        undetermined = counted[Status.ERROR] or counted[Status.SKIPPED] or not self.results
        return 2 if undetermined or self.left else 0
