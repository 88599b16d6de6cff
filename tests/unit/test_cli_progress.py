"""A step in words: the reasons, and no words of its message, decide which option is offered."""

import pytest
from rich.text import Text

from manor.apply import Action, Reason, Ref, Step
from manor.cli.progress import describe

pytestmark = pytest.mark.unit

LAB = Ref("", "Namespace", "", "lab")


def words(action: Action, message: str, *reasons: Reason) -> str:
    return Text.from_markup(describe(Step(LAB, action, message, reasons=reasons))).plain


@pytest.mark.parametrize(
    ("action", "reasons", "option"),
    [
        (Action.REFUSE, (Reason.NOT_OURS,), "--adopt"),
        (Action.CONFLICT, (Reason.CONFLICT,), "--force-conflicts"),
        (Action.KEEP, (Reason.HOLDS_PEOPLES_OBJECTS,), "--delete-namespace lab"),
        (Action.KEEP, (Reason.HOLDS_DATA,), "--delete-data"),
        (
            Action.KEEP,
            (Reason.HOLDS_PEOPLES_OBJECTS, Reason.HOLDS_DATA),
            "--delete-namespace lab --delete-data",
        ),
    ],
)
def test_a_reason_offers_its_option(action: Action, reasons: tuple[Reason, ...], option: str) -> None:
    assert words(action, "why", *reasons).endswith(f": why ({option})")


OFFERED = {Reason.NOT_OURS, Reason.CONFLICT, Reason.HOLDS_PEOPLES_OBJECTS, Reason.HOLDS_DATA}


@pytest.mark.parametrize("reason", sorted(set(Reason) - OFFERED))
def test_other_reasons_offer_none(reason: Reason) -> None:
    assert "--" not in words(Action.FAIL, "why", reason)


def test_a_message_offers_nothing_by_itself() -> None:
    told = words(Action.FAIL, "field is immutable; adopt it, use force to take it over, delete data explicitly")
    assert told.endswith("delete data explicitly")


def test_what_cannot_be_changed_is_told_in_our_words() -> None:
    told = words(Action.FAIL, "spec.template: Invalid value: field is immutable", Reason.IMMUTABLE)
    assert told == "Namespace lab failed: cannot be changed once it is made; `manor delete` it, then apply it again"


def test_what_is_left_out_says_what_failed() -> None:
    told = words(Action.SKIP, "Namespace lab failed", Reason.DEPENDENCY_FAILED)
    assert told == "Namespace lab not attempted: Namespace lab failed"
