"""What a status says: conditions by the rules of Kubernetes, in words that are known everywhere."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manor import engines
from manor.api.status import (
    MESSAGE_LIMIT,
    STATUSES,
    Condition,
    ConditionType,
    Phase,
    Reason,
    TrainingJobStatus,
    conditions,
    reached,
    workload_conditions,
)
from manor.load import Document
from manor.load.specs import validated
from manor.render import spec_object
from spec_examples import BASE

pytestmark = pytest.mark.unit

TIMES = st.integers(0, 59).map(lambda second: f"2026-11-26T08:30:{second:02}Z")
TYPES = [kind.value for kind in ConditionType]


def told(time: st.SearchStrategy[str | None]) -> st.SearchStrategy[list[Condition]]:
    """Conditions, each type at most once."""
    one = st.builds(
        Condition,
        type=st.sampled_from(TYPES),
        status=st.sampled_from(["True", "False", "Unknown"]),
        reason=st.sampled_from(list(Reason)),
        message=st.text(max_size=5),
        last_transition_time=time,
        observed_generation=st.none() | st.integers(1, 3),
    )
    return st.lists(one, unique_by=lambda condition: condition.type)


@given(old=told(TIMES), new=told(st.none()), now=TIMES, later=TIMES)
def test_a_time_changes_with_the_status_alone(
    old: list[Condition], new: list[Condition], now: str, later: str
) -> None:
    made = conditions(old, new, now)
    before, wanted = {c.type: c for c in old}, {c.type: c for c in new}
    assert [c.type for c in made] == list(dict.fromkeys([c.type for c in (*old, *new)]))
    for condition in made:
        was, will = before.get(condition.type), wanted.get(condition.type)
        if will is None:
            assert condition == was
            continue
        kept = was is not None and was.status == will.status
        time = was.last_transition_time if was and kept else now
        assert condition == will.model_copy(update={"last_transition_time": time})
    assert conditions(made, new, later) == made
    assert conditions(made, [], later) == made


@pytest.mark.parametrize("phase", Phase)
def test_kstatus_knows_one_state_of_every_phase(phase: Phase) -> None:
    made = {c.type: c for c in workload_conditions(phase, Reason.PROGRESSING, "why", 4)}
    states = ("Ready", "Reconciling", "Stalled")
    (state,) = [kind for kind in states if made[kind].status == "True"]
    ways = {
        Phase.READY: "Ready",
        Phase.SUCCEEDED: "Ready",
        Phase.STOPPED: "Ready",
        Phase.SCHEDULED: "Ready",
        Phase.FAILED: "Stalled",
    }
    assert state == ways.get(phase, "Reconciling")
    assert made["Ready"].message == "why"
    assert {c.observed_generation for c in made.values()} == {4}
    others = dict.fromkeys((Phase.PENDING, Phase.STOPPED, Phase.SCHEDULED), None)
    word = {Phase.READY: "Running", **others}.get(phase, phase.value)
    questions = ("Queued", "Running", "Succeeded", "Failed")
    assert [kind for kind in questions if made[kind].status == "True"] == [word] * bool(word)


def test_a_tenant_has_the_conditions_of_kstatus_alone() -> None:
    made = reached("stalled", Reason.INVALID, "two own it")
    assert [(c.type, c.status) for c in made] == [
        ("Ready", "False"),
        ("Reconciling", "False"),
        ("Stalled", "True"),
    ]


def test_a_message_is_one_short_line_whoever_said_it() -> None:
    said = "Traceback\n\x1b[31m" + "x" * 5000
    status = TrainingJobStatus(message=said)
    assert status.message.startswith("Traceback [31mxx")
    assert len(status.message) == MESSAGE_LIMIT
    assert TrainingJobStatus.model_validate(status.written()) == status


def test_engines_speak_the_words_of_a_status() -> None:
    words = {phase.value for phase in engines.Phase} - {engines.Phase.NOT_APPLIED.value}
    assert words == {phase.value for phase in Phase}


@pytest.mark.parametrize("kind", BASE)
def test_a_status_is_no_part_of_a_spec(kind: str) -> None:
    status = STATUSES[kind](observed_generation=1).written()
    with_status = {**BASE[kind], "status": {**status, "anything": ["else"]}}
    spec = validated(Document(with_status, "given.yaml", {(): 1}))
    assert spec == validated(Document(BASE[kind], "given.yaml", {(): 1}))
    assert "status" not in spec_object(spec)


def test_a_condition_that_nobody_wrote_is_none() -> None:
    made = TrainingJobStatus(conditions=workload_conditions(Phase.QUEUED, Reason.QUEUED))
    found = made.condition(ConditionType.QUEUED)
    assert found is not None
    assert found.status == "True"
    assert made.condition(ConditionType.ISOLATED) is None


def test_the_page_names_every_condition_and_reason() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "status.md").read_text()
    for word in (*ConditionType, *Reason, *Phase):
        assert f"`{word}`" in page, word
