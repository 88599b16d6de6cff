"""What a run tells while it goes on: plain data for whoever prints it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from manor import log
from manor.apply.steps import Action, Step
from manor.objectset.kinds import SECRET
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


def logged(progress: Progress) -> Progress:
    """`progress`, with the phases, what is waited for and the fate of each object in
    the log too."""

    def tell(event: Event) -> None:
        match event:
            case Started(phase, total):
                log.info("phase", phase=phase, objects=total)
            case Finished(step):
                write = log.debug if step.action is Action.UNCHANGED else log.info
                write("decision", object=step.ref, action=step.action, cause=_cause(step))
            case Waiting((first, *rest), _):
                log.info("waiting", object=first.ref, cause=first.reason, others=len(rest))
            case _:
                pass
        progress(event)

    return tell


def _cause(step: Step) -> str:
    """Why: of a Secret without the server's words, which may repeat a value."""
    return ", ".join(step.reasons) if step.ref.group_kind == SECRET else step.message


def silent(_event: Event) -> None:
    """A Progress that tells nobody."""
