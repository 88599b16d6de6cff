"""In which order tenants follow the Platform and its Tools: one first, and once it is Ready the
others; where one that stood well is not made by the change, they wait for it.

What decides is told by statuses, so that the next operator goes on where this one ended: each
tenant says what it was made from, the Platform which tenant is waited for.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from sys import intern

from manor import __version__
from manor.api import Platform
from manor.api.status import UNMADE, ConditionType, TenantStatus
from manor.objectset.kinds import GroupKind
from manor.render import spec_object
from manor.tools import Toolset


def revision_of(
    platform: Platform | None, tools: Toolset, not_served: Iterable[GroupKind] = ()
) -> str:
    """What tenants are made from, in one word: a change of anything in it changes what they may
    become. This program is part of it."""
    specs = [spec_object(spec) for spec in (platform, *tools.tools) if spec]
    said = json.dumps([__version__, specs, sorted(not_served)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:12]


class State(StrEnum):
    """How well a tenant stands."""

    READY = "ready"
    MADE = "made"
    """Something of it is not ready."""
    FAILING = "failing"
    """It is not made as it should be; that is tried again."""
    STALLED = "stalled"
    """It is not made, until somebody changes something."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a tenant's status says of it."""

    revision: str
    generation: int
    state: State
    why: str = ""

    @property
    def made(self) -> bool:
        """Whether it is as its spec says, by what it was made from."""
        return self.state in (State.READY, State.MADE)


def standing_of(status: TenantStatus) -> Standing | None:
    """How a tenant stands; None where nobody has made it yet."""
    ready = status.condition(ConditionType.READY)
    if ready is None or status.observed_generation is None:
        return None
    stalled = status.condition(ConditionType.STALLED)
    if ready.status == "True":
        state = State.READY
    elif ready.reason not in UNMADE:
        state = State.MADE
    else:
        state = State.STALLED if stalled and stalled.status == "True" else State.FAILING
    revision = intern(status.observed_revision)
    why = "" if state is State.READY else ready.message or ready.reason
    return Standing(revision, status.observed_generation, state, why)


@dataclass
class Following:
    """Who follows, and who waits. Tenants are given by their names, in the order of their age,
    without those that rest."""

    revision: str = ""
    waits_for: str = ""
    """The tenant that goes first, or stopped the others."""
    open: bool = True
    """Whether all may follow."""
    candidates: list[str] = field(default_factory=list)
    """The oldest that stand well, while nobody is first: the first of them that the change touches
    is to be."""
    standings: dict[str, Standing] = field(default_factory=dict)

    def turn(self, revision: str, waits_for: str = "") -> None:
        """Tenants are to follow another revision than before."""
        self.revision = revision
        self.wait_for(waits_for)

    def know(self, name: str, now: Standing | None) -> None:
        """How a tenant stands now; None of one that is no more, or was never made."""
        before = self.standings.pop(name, None)
        if now is None:
            return
        self.standings[name] = now
        if before is None or before.generation != now.generation or self.waits_for:
            return
        follows = before.revision != self.revision == now.revision
        if follows and before.state is State.READY and not now.made:
            self.wait_for(name)

    def wait_for(self, name: str) -> None:
        """Nobody follows until this one is Ready; until one goes first, where none is named."""
        self.waits_for, self.open, self.candidates = name, False, []

    def is_behind(self, name: str) -> bool:
        """Whether the tenant was made from something else than what there is now."""
        found = self.standings.get(name)
        return found is not None and found.revision != self.revision

    def may_be_first(self, name: str) -> bool:
        """Whether the others may wait for it: one that stands well, which shows what the change
        does."""
        return self.is_behind(name) and self.standings[name].state is State.READY

    def holds(self, name: str) -> bool:
        """Whether the tenant is left as it is for now. One that is not made has nothing to
        lose."""
        waits = self.is_behind(name) and not self.open and name != self.waits_for
        return waits and self.standings[name].made

    @property
    def is_stopped(self) -> bool:
        """Whether it needs somebody to go on."""
        first = self.standings.get(self.waits_for)
        return bool(first and first.revision == self.revision and first.state is State.STALLED)

    def step(self, tenants: Sequence[str], most: int) -> None:
        """All may follow once the first is Ready, and where none stands well; where the first is no
        more, or rests, another goes first, of at most so many that are looked at."""
        if self.waits_for and self.waits_for not in tenants:
            self.waits_for = ""
        first = self.standings.get(self.waits_for)
        if first and first.revision == self.revision and first.state is State.READY:
            self.waits_for, self.open = "", True
        if not self.waits_for and not self.open:
            self.candidates = list(islice(filter(self.may_be_first, tenants), most))
            self.open = not self.candidates

    def due(self, tenants: Sequence[str]) -> list[str]:
        """Whose turn it is."""
        behind = filter(self.is_behind, tenants)
        return [name for name in behind if name in self.candidates or not self.holds(name)]

    def followed(self, tenants: Sequence[str]) -> tuple[int, int]:
        """How many tenants follow, of how many; one that nobody has made yet is none of them."""
        made = [name for name in tenants if name in self.standings]
        missing = sum(self.is_behind(name) or name == self.waits_for for name in made)
        return len(made) - missing, len(made)
