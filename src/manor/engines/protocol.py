"""What every engine offers, so that those who use one need not know which it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from manor.api import Platform, Tenant, Workload
from manor.errors import ManorError
from manor.render.objects import Object

Path = tuple[str | int, ...]
GroupKind = tuple[str, str]
"""API group and kind."""


class Unsupported(ManorError, ValueError):
    """An engine cannot do what a spec asks in the field at `path`; the message says what it can."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class Phase(StrEnum):
    """How a workload stands, in the words of its status (`manor.api.status.Phase`)."""

    NOT_APPLIED = "NotApplied"
    """It is stored, and nothing was made of it."""
    PENDING = "Pending"
    SUSPENDED = "Queued"
    """It waits in its queue."""
    SCHEDULED = "Scheduled"
    """It runs when its schedule says so; no run of it goes on."""
    RUNNING = "Running"
    READY = "Ready"
    """It serves."""
    STOPPED = "Stopped"
    """It was told to, or nobody used it; it can be started again."""
    COMPLETE = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class Primary:
    """The object that a workload stands and falls with."""

    api_version: str
    kind: str
    name: str
    namespace: str


@dataclass(frozen=True)
class PodCount:
    """So many pods of one spec run at once."""

    count: int
    spec: Object


Taken = TypeVar("Taken", bound=Workload, contravariant=True)
"""The ML kinds that an engine takes."""


class Engine(Protocol[Taken]):
    """Turns Manor's ML kinds into some system's objects."""

    @property
    def name(self) -> str:
        """What the Platform calls it."""

    @property
    def tool(self) -> str:
        """The Tool that the teams whose workloads it runs must use; empty where none is needed."""

    @property
    def requires(self) -> frozenset[GroupKind]:
        """Kinds that the server serves where the engine's system is installed."""

    @property
    def made_kinds(self) -> Mapping[str, frozenset[GroupKind]]:
        """The Manor kinds that the engine takes, each with all that a workload of it may become."""

    def unsupported(self, workload: Taken, /) -> Iterator[Unsupported]:
        """Everything in the spec that the engine cannot do."""

    def render(self, platform: Platform, tenant: Tenant, workload: Taken, /) -> list[Object]:
        """The objects that run a workload of which nothing is unsupported."""

    def pods(self, objects: Iterable[Object]) -> Iterator[PodCount]:
        """The pods that come of rendered objects, all that run at once."""

    def primary(self, workload: Taken, /) -> Primary:
        """The object whose readiness is that of the workload."""

    def phase(self, live: Object, *, ready: bool, final: bool) -> Phase:
        """How the workload stands whose primary object is `live`; `ready` and `final` are the
        object's readiness."""
