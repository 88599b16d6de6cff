"""What a run tells while it goes on: plain data for whoever prints it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from manor.apply.steps import Step
from manor.objectset.references import Ref


class Phase(StrEnum):
    """The parts of a run, in their order."""

    READ = "read"
    APPLY = "apply"
    PRUNE = "prune"
    WAIT = "wait"
    DELETE = "delete"


@dataclass(frozen=True)
class Started:
    """A phase began; `total` objects are concerned."""

    phase: Phase
    total: int


@dataclass(frozen=True)
class Finished:
    """An object is done with, well or not."""

    step: Step


@dataclass(frozen=True)
class Pending:
    """An object that is waited for, and why it is not there yet (or not gone yet)."""

    ref: Ref
    reason: str


@dataclass(frozen=True)
class Waiting:
    """What is waited for has changed; `elapsed` in seconds since the waiting began."""

    pending: tuple[Pending, ...]
    elapsed: float


Event = Started | Finished | Waiting
Progress = Callable[[Event], None]


def silent(_event: Event) -> None:
    """A Progress that tells nobody."""
