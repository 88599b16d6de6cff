"""One thing that was tried, what came of it, and how many attempts make the result of a check."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What one attempt shows."""

    HELD = "held"
    """The attack was stopped by the expected mechanism, or the control went through."""
    ASKED = "asked"
    """Not an attack here: the tenants or the platform ask for it in their specs."""
    BROKEN = "broken"
    """The attack went through."""
    ERROR = "error"
    """Neither: an unexpected answer, another mechanism than expected, a control that failed."""
    SKIPPED = "skipped"
    """Not tried: a feature that it needs is not there, or the tenant may not do even what the
    control does."""


class Status(StrEnum):
    """The result of a check over all its attempts."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Attempt:
    """One attempt or one positive control, with its evidence."""

    what: str
    """What was tried, by whom, on what: the request, or the probe's command."""
    verdict: Verdict
    got: str
    """The answer: response code and message, or the probe's output."""
    mechanism: str = ""
    """What stopped the attack; empty for controls and where nothing did."""
    control: bool = False
    """Whether this is the positive control of the attempts beside it."""
    context: str = ""
    """Who attacks whom, as `attacker → victim`."""


class Undetermined(Exception):
    """Raised by a check whose control fails, or that does not come to an end; its text says why."""


class Asked(Exception):
    """Raised by a check that has nothing to try, because the specs say so; its text says what they
    say."""


def combine(attempts: Iterable[Attempt]) -> Status:
    """The status of a check: one broken attempt fails it; one error, or no attempt at all, leaves
    it undetermined."""
    verdicts = {(attempt.verdict, attempt.control) for attempt in attempts}
    seen = {verdict for verdict, _ in verdicts}
    if Verdict.BROKEN in seen:
        return Status.FAIL
    if Verdict.ERROR in seen:
        return Status.ERROR
    if Verdict.SKIPPED in seen:
        return Status.SKIPPED
    return (
        Status.PASS if {(Verdict.HELD, False), (Verdict.ASKED, False)} & verdicts else Status.ERROR
    )
