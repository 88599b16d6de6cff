"""What a rollout tells while it goes on: plain data for whoever shows or records it, beside what
`manor.apply` tells of each object."""

from collections.abc import Callable
from dataclasses import dataclass

from manor import apply, log
from manor.errors import ManorError
from manor.rollout.sets import ObjectSet
from manor.state import Broken


@dataclass(frozen=True)
class SpecSetAside:
    """An object of Manor's on the cluster cannot be read; the work goes on without it."""

    broken: Broken


@dataclass(frozen=True)
class GpusOvercommitted:
    """The tenants are guaranteed more GPUs than the nodes have."""

    guaranteed: int
    present: int


@dataclass(frozen=True)
class ToolNotInstalled:
    """The Platform has a Tool turned on, and the server lacks kinds of it; what belongs to them is
    left out."""

    tool: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class SetsStarted:
    """The sets of a stage begin to be applied, or deleted."""

    work: apply.Phase
    sets: tuple[ObjectSet, ...]


@dataclass(frozen=True)
class SetFailed:
    """A set failed as a whole; the others go on."""

    part: ObjectSet
    error: ManorError


@dataclass(frozen=True)
class SetLeftOut:
    """A set is not attempted, because the set that it stands on failed."""

    part: ObjectSet
    needs: ObjectSet


@dataclass(frozen=True)
class SetUncounted:
    """A set is not attempted, because the quotas of its namespace do not count its kinds; `why`
    says which."""

    part: ObjectSet
    why: str


@dataclass(frozen=True)
class ShareWithheld:
    """A Model's canary does not answer yet: its share of the requests is the model's until then."""

    part: ObjectSet


@dataclass(frozen=True)
class SetKept:
    """A set is not deleted, because something of what stands on it is kept."""

    part: ObjectSet


Event = (
    apply.Event
    | SpecSetAside
    | GpusOvercommitted
    | ToolNotInstalled
    | SetsStarted
    | SetFailed
    | SetLeftOut
    | SetUncounted
    | ShareWithheld
    | SetKept
)
Progress = Callable[[Event], None]


def logged(progress: Progress) -> Progress:
    """`progress`, with the stages and what stops a set in the log too; of each object `manor.apply`
    tells the log."""

    def tell(event: Event) -> None:
        match event:
            case SetsStarted(work, sets):
                log.info("stage", phase=work, sets=len(sets))
            case SetFailed(part, error):
                log.info("set failed", tenant=part.tenant, object=part.ref, cause=error)
            case SetLeftOut(part, needs):
                log.info(
                    "set left out",
                    tenant=part.tenant,
                    object=part.ref,
                    cause=f"{needs.title} failed",
                )
            case SetUncounted(part, why):
                log.info("set left out", tenant=part.tenant, object=part.ref, cause=why)
            case ShareWithheld(part):
                log.info("share withheld", tenant=part.tenant, object=part.ref)
            case SetKept(part):
                log.info(
                    "set kept",
                    tenant=part.tenant,
                    object=part.ref,
                    cause="something that stands on it is kept",
                )
            case _:
                pass
        progress(event)

    return tell


def silent(_event: Event) -> None:
    """A Progress that tells nobody."""
