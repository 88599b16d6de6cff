"""What can stop a whole run. What goes wrong with one object is a step of its result instead.

ApplyError
├── InvalidObjects    the objects given cannot be a set: duplicates, unknown kinds
├── Refused           objects exist already, are not ours, and are needed by the others
├── InventoryError    the inventory belongs to other tooling, or another run changed it meanwhile
├── NotReady          objects were not ready, or not gone, in time
└── NotEnforced       the API server does not act by admission policies that it has
"""

from collections.abc import Sequence

from manor.apply.progress import Pending
from manor.apply.steps import Step
from manor.errors import ManorError


class ApplyError(ManorError):
    """Base of every error of this package; its text is meant for the user."""


class InvalidObjects(ApplyError):
    """The objects given cannot be applied as one set; nothing was changed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Refused(ApplyError):
    """Objects exist already and are not ours. Nothing was changed, but that rights were taken away:
    `taken`."""

    def __init__(self, steps: Sequence[Step], taken: Sequence[Step] = ()) -> None:
        lines = [f"{step.ref}: {step.message}" for step in steps]
        super().__init__(
            "\n".join([*lines, "nothing else was changed" if taken else "nothing was changed"])
        )
        self.steps = (*taken, *steps)


class InventoryError(ApplyError):
    """The inventory cannot be used by this run."""


class NotReady(ApplyError):
    """Time ran out, or a failure is final; `pending` says what is missing and why."""

    def __init__(self, what: str, pending: Sequence[Pending]) -> None:
        super().__init__("\n".join([what, *(f"  {p.ref}: {p.reason}" for p in pending)]))
        self.pending = tuple(pending)


class NotEnforced(ApplyError):
    """Admission policies were written, and the API server does not act by them."""
