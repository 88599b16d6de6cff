"""Who follows a change of the Platform first, who may follow then, and what stops it."""

from typing import Any

import pytest

from engine_specs import platform
from manor.api.status import TenantStatus, reached
from manor.operator.following import Following, State, revision_of, standing_of
from manor.tools import NO_TOOLS

pytestmark = pytest.mark.unit

NAMES = ["a", "b", "c", "d", "e"]
"""By their age."""


def says(
    revision: str, state: Any = "ready", reason: str = "Applied", generation: int = 1
) -> TenantStatus:
    return TenantStatus(
        observed_generation=generation,
        observed_revision=revision,
        conditions=reached(state, reason, "the reason why", generation),
    )


def tell(following: Following, name: str, *words: Any, **more: Any) -> None:
    following.know(name, standing_of(says(*words, **more)))


@pytest.fixture
def changed() -> Following:
    """All were made, and now there is another revision."""
    following = Following()
    following.turn("old")
    for name in NAMES:
        tell(following, name, "old")
    following.step(NAMES, 3)
    assert following.open
    following.turn("new")
    return following


def test_the_oldest_that_stand_well_are_looked_at_and_all_others_wait(changed: Following) -> None:
    tell(changed, "a", "old", "stalled", "NotApplied")
    changed.step(NAMES, 3)
    assert changed.candidates == ["b", "c", "d"]
    assert not changed.open
    assert [name for name in NAMES if changed.holds(name)] == ["b", "c", "d", "e"]
    assert changed.due(NAMES) == ["a", "b", "c", "d"]  # one that is broken has nothing to lose


def test_nobody_follows_until_the_first_is_ready_then_all_may(changed: Following) -> None:
    changed.step(NAMES, 3)
    changed.wait_for("a")
    tell(changed, "a", "new", "reconciling", "Progressing")
    changed.step(NAMES, 3)
    assert (changed.due(NAMES), changed.is_stopped) == ([], False)
    assert changed.followed(NAMES) == (0, 5)
    tell(changed, "a", "new")
    changed.step(NAMES, 3)
    assert changed.due(NAMES) == ["b", "c", "d", "e"]
    assert not any(map(changed.holds, NAMES))
    assert changed.followed(NAMES) == (1, 5)


@pytest.mark.parametrize(
    ("state", "stops"), [("stalled", True), ("reconciling", False)], ids=["lasting", "perhaps not"]
)
def test_it_stops_at_a_first_that_is_not_made(changed: Following, state: Any, stops: bool) -> None:
    changed.wait_for("a")
    tell(changed, "a", "new", state, "NotApplied")
    changed.step(NAMES, 3)
    assert changed.is_stopped is stops
    assert changed.due(NAMES) == []
    # One that followed by its own spec opens nothing.
    tell(changed, "c", "new", generation=2)
    changed.step(NAMES, 3)
    assert changed.due(NAMES) == []
    assert changed.followed(NAMES) == (1, 5)
    tell(changed, "a", "new")  # mended
    changed.step(NAMES, 3)
    assert changed.due(NAMES) == ["b", "d", "e"]


def test_one_of_the_others_that_falls_stops_the_rest(changed: Following) -> None:
    changed.wait_for("a")
    tell(changed, "a", "new")
    changed.step(NAMES, 3)
    tell(changed, "b", "new", "stalled", "Invalid")
    changed.step(NAMES, 3)
    assert (changed.waits_for, changed.due(NAMES)) == ("b", [])
    tell(changed, "b", "new")
    changed.step(NAMES, 3)
    assert changed.due(NAMES) == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("before", "generation"), [("stalled", 1), ("ready", 2)], ids=["broken before", "own change"]
)
def test_one_that_is_not_made_for_a_reason_of_its_own_stops_nobody(
    changed: Following, before: Any, generation: int
) -> None:
    tell(changed, "b", "old", before, "NotApplied")
    changed.wait_for("a")
    tell(changed, "a", "new")
    changed.step(NAMES, 3)
    tell(changed, "b", "new", "stalled", "NotApplied", generation=generation)
    changed.step(NAMES, 3)
    assert changed.due(NAMES) == ["c", "d", "e"]


def test_one_that_rests_or_is_gone_is_not_waited_for(changed: Following) -> None:
    changed.wait_for("a")
    tell(changed, "a", "new", "stalled", "NotApplied")
    changed.step(NAMES[1:], 3)
    assert (changed.waits_for, changed.candidates) == ("", ["b", "c", "d"])


def test_where_none_stands_well_nobody_is_waited_for(changed: Following) -> None:
    for name in NAMES:
        tell(changed, name, "old", "reconciling", "Progressing")
    changed.step(NAMES, 3)
    assert changed.due(NAMES) == NAMES


def test_the_next_operator_waits_for_the_same_one(changed: Following) -> None:
    resumed = Following()
    for name in NAMES[1:]:
        tell(resumed, name, "old")
    tell(resumed, "a", "new", "stalled", "NotApplied")
    resumed.turn("new", "a")
    resumed.step(NAMES, 3)
    assert (resumed.is_stopped, resumed.due(NAMES)) == (True, [])


def test_another_change_begins_anew(changed: Following) -> None:
    changed.wait_for("a")
    tell(changed, "a", "new", "stalled", "NotApplied")
    changed.turn("newer")
    changed.step(NAMES, 3)
    assert changed.candidates == ["b", "c", "d"]
    assert "a" in changed.due(NAMES)


def test_one_that_nobody_made_yet_is_held_up_by_nothing(changed: Following) -> None:
    changed.know("new", standing_of(TenantStatus()))
    assert not changed.holds("new")
    assert changed.followed([*NAMES, "new"]) == (0, 5)


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        ("ready", "Applied", State.READY),
        ("reconciling", "Progressing", State.MADE),
        ("reconciling", "NotApplied", State.FAILING),
        ("stalled", "Invalid", State.STALLED),
        ("stalled", "Paused", State.STALLED),
    ],
)
def test_how_a_tenant_stands(state: Any, reason: str, told: State) -> None:
    found = standing_of(says("old", state, reason))
    assert found
    assert found.state is told


def test_a_revision_is_of_all_that_tenants_are_made_from() -> None:
    first = revision_of(platform(), NO_TOOLS)
    assert first == revision_of(platform(), NO_TOOLS)
    others = [
        revision_of(None, NO_TOOLS),
        revision_of(platform(domain="other.example"), NO_TOOLS),
        revision_of(platform(), NO_TOOLS, [("kueue.x-k8s.io", "LocalQueue")]),
    ]
    assert len({first, *others}) == 4
