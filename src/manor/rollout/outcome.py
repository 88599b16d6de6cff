"""What came of a run over many sets, each by itself: an error of one stops no other."""

from collections.abc import Awaitable
from dataclasses import dataclass, field

from manor.apply import ApplyError, Ref, Step
from manor.apply.steps import BAD, Steps
from manor.errors import ManorError
from manor.kube import Forbidden, KubeError, Unreachable
from manor.rollout.progress import Progress, SetFailed
from manor.rollout.sets import ObjectSet


@dataclass(frozen=True)
class SetOutcome:
    """What was done with one set; an `error` ended it as a whole, or it was not `attempted`."""

    part: ObjectSet
    steps: Steps = field(default_factory=lambda: Steps(()))
    error: ManorError | None = None
    attempted: bool = True

    @property
    def ok(self) -> bool:
        """Whether the set is as wanted."""
        return self.attempted and self.error is None and self.steps.ok


@dataclass
class Outcome:
    """What came of each set, in the order in which they were done with."""

    sets: list[SetOutcome] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every set is as wanted."""
        return all(one.ok for one in self.sets)

    @property
    def steps(self) -> list[Step]:
        """The steps of all sets."""
        return [step for one in self.sets for step in one.steps]

    @property
    def failed(self) -> dict[Ref, ObjectSet]:
        """The sets that are not as wanted, by their references."""
        return {one.part.ref: one.part for one in self.sets if not one.ok}

    @property
    def forbidden(self) -> bool:
        """Whether the API server forbade a set as a whole."""
        return any(isinstance(one.error, Forbidden) for one in self.sets)

    @property
    def reasons(self) -> str:
        """What went wrong, a line each."""
        errors = [f"{one.part.title}: {one.error}" for one in self.sets if one.error]
        steps = [f"{step.ref}: {step.message}" for step in self.steps if step.action in BAD]
        return "\n".join([*errors, *steps]) or "not everything was written"


async def outcome_of(
    part: ObjectSet, run: Awaitable[Steps], progress: Progress, *, attempted: bool = True
) -> SetOutcome:
    """What came of `run`, also where it failed, which is told. Only a lost server ends all:
    Unreachable."""
    try:
        return SetOutcome(part, await run, attempted=attempted)
    except Unreachable:
        raise
    except (ApplyError, KubeError) as error:
        progress(SetFailed(part, error))
        return SetOutcome(part, error=error, attempted=attempted)
