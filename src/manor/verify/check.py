"""What a check is: an attack, and all that a reader of its result wants to know."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from manor.verify.attempt import Attempt
from manor.verify.context import AttackContext
from manor.verify.features import Feature

Attack = Callable[[AttackContext], Awaitable[list[Attempt]]]

PLANES = (
    "rbac",
    "admission",
    "pod",
    "network",
    "storage",
    "routes",
    "quota",
    "metadata",
    "fairness",
    "platform",
    "tools",
)


class Severity(StrEnum):
    """What a tenant gains where the check fails."""

    CRITICAL = "critical"
    """The cluster, or everything of another tenant."""
    HIGH = "high"
    """Data or workloads of another tenant, or a way around its own limits to the harm of others."""
    MEDIUM = "medium"
    """A part of another's service, or a first step to more."""
    LOW = "low"
    """Knowledge that should not be had."""


class Level(StrEnum):
    """What a check does to the cluster."""

    STATIC = "static"
    """Reads, and questions to the authorizer."""
    DRY_RUN = "dry-run"
    """Also requests of the tenant's user that the server handles in full and does not store."""
    LIVE = "live"
    """Also probe pods and what they need, removed afterwards."""

    def includes(self, other: "Level") -> bool:
        """Whether a run at this level runs checks of `other`."""
        order = list(Level)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, kw_only=True)
class Check:
    """A guarantee and the attack that puts it to the test. Only the last five fields may be left
    out."""

    id: str
    """`MNR-<PLANE>-<number>`; never reused."""
    title: str
    """The attack in a few words."""
    guarantee: str
    """What Manor promises."""
    severity: Severity
    level: Level
    references: tuple[str, ...]
    """CVE and GHSA numbers, benchmark sections, Pod Security controls, published issues that it
    stands for."""
    attempt: str
    """What is tried."""
    expect: str
    """What must happen, by which mechanism."""
    remedy: str
    """How to mend it."""
    run: Attack
    requires: tuple[Feature, ...] = ()
    """What it cannot be tried without; where something of it is missing, it is skipped."""
    scope: Literal["pair", "cluster"] = "pair"
    """Whether it runs for each sampled pair of tenants or once."""
    alone: bool = False
    """Whether it runs after all others, because they would disturb what it measures."""
    kept: bool = False
    """Whether the operator runs it by itself: it looks at objects alone, of kinds that the operator
    follows in full, and at those of the pair's namespaces where it is about a pair."""

    attended: bool = False
    """Whether it needs more than a stand-in may: to ask for a token, or to act as somebody who is
    not of the team. A run with stand-ins leaves it out."""

    @property
    def plane(self) -> str:
        """The plane, from the id."""
        return self.id.split("-")[1].lower()
