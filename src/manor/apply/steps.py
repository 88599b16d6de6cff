"""What is to be done, or was done, with each object of a run."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from manor.apply.reasons import Reason
from manor.kube import ApiError, Conflict, Object, Unreachable
from manor.objectset.references import Ref
from manor.objectset.refusals import conflicting_manager, is_immutable


class Action(StrEnum):
    """The fate of one object."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    PRUNE = "prune"
    KEEP = "keep"
    """No longer wanted, and kept, because data would be lost with it."""
    CONFLICT = "conflict"
    """Another field manager owns fields that we want to have another value."""
    REFUSE = "refuse"
    """It exists and is not ours."""
    FAIL = "fail"
    SKIP = "skip"
    """Not attempted, because something that it depends on failed."""


BAD = frozenset({Action.CONFLICT, Action.REFUSE, Action.FAIL, Action.SKIP})
CHANGES = frozenset({Action.CREATE, Action.UPDATE, Action.PRUNE})


@dataclass(frozen=True)
class FieldConflict:
    """A field, and the manager that owns it."""

    manager: str
    field: str


@dataclass(frozen=True)
class Step:
    """One object of a run: what happens to it, why (where that needs saying), and, in a plan, from
    what to what.

    `message` tells people why, `reasons` tell programs.
    """

    ref: Ref
    action: Action
    message: str = ""
    conflicts: tuple[FieldConflict, ...] = ()
    before: Object | None = None
    after: Object | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Steps:
    """All steps of a run, in the order in which they are taken."""

    steps: tuple[Step, ...]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @property
    def ok(self) -> bool:
        """Whether nothing failed, was refused, or was left out."""
        return not any(step.action in BAD for step in self.steps)

    @property
    def changed(self) -> bool:
        """Whether anything is, or would be, written."""
        return any(step.action in CHANGES for step in self.steps)

    def counts(self) -> Counter[Action]:
        """How many objects met each fate."""
        return Counter(step.action for step in self.steps)

    def having(self, *actions: Action) -> list[Step]:
        """The steps with one of `actions`."""
        return [step for step in self.steps if step.action in actions]


class Result(Steps):
    """What an apply or a delete did."""


def conflicts_of(error: Conflict) -> tuple[FieldConflict, ...]:
    """The fields that other managers own, where that is what the conflict is about."""
    causes = [
        c for c in error.details.get("causes", []) if c.get("reason") == "FieldManagerConflict"
    ]
    return tuple(
        FieldConflict(conflicting_manager(cause["message"]), cause.get("field", ""))
        for cause in causes
    )


def conflict_step(ref: Ref, error: Conflict, before: Object | None = None) -> Step:
    """The step of an apply that another field manager stands against, or of any other conflict: a
    failure."""
    conflicts = conflicts_of(error)
    if not conflicts:
        return failure_step(ref, error)
    owners = sorted({conflict.manager for conflict in conflicts})
    fields = ", ".join(conflict.field for conflict in conflicts)
    message = (
        f"{' and '.join(owners)} owns {fields}; use force to take "
        f"{'it' if len(conflicts) == 1 else 'them'} over"
    )
    return Step(ref, Action.CONFLICT, message, conflicts, before, reasons=(Reason.CONFLICT,))


def failure_step(ref: Ref, error: Exception, before: Object | None = None) -> Step:
    """The step of what `error` ended."""
    match error:
        case Unreachable():
            reasons: tuple[Reason, ...] = (Reason.UNREACHABLE,)
        case ApiError():
            reasons = (Reason.IMMUTABLE if is_immutable(error.message) else Reason.REJECTED,)
        case _:
            reasons = ()
    return Step(ref, Action.FAIL, str(error), before=before, reasons=reasons)
