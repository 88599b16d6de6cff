"""A step in words: the reasons, and no words of its message, decide which option is offered."""

import pytest
from rich.text import Text

from manor.apply import Action, ApplyError, Finished, Inventory, Pending, Reason, Ref, Step, Waiting
from manor.cli.progress import describe, shown, warn
from manor.rollout import ObjectSet
from manor.rollout.progress import (
    GpusOvercommitted,
    SetFailed,
    SetKept,
    SetLeftOut,
    SetUncounted,
    ShareWithheld,
    SpecSetAside,
)
from manor.state import Broken

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
def test_a_reason_offers_its_option(
    action: Action, reasons: tuple[Reason, ...], option: str
) -> None:
    assert words(action, "why", *reasons).endswith(f": why ({option})")


OFFERED = {Reason.NOT_OURS, Reason.CONFLICT, Reason.HOLDS_PEOPLES_OBJECTS, Reason.HOLDS_DATA}


@pytest.mark.parametrize("reason", sorted(set(Reason) - OFFERED))
def test_other_reasons_offer_none(reason: Reason) -> None:
    assert "--" not in words(Action.FAIL, "why", reason)


def test_a_message_offers_nothing_by_itself() -> None:
    told = words(
        Action.FAIL,
        "field is immutable; adopt it, use force to take it over, delete data explicitly",
    )
    assert told.endswith("delete data explicitly")


def test_what_cannot_be_changed_is_told_in_our_words() -> None:
    told = words(Action.FAIL, "spec.template: Invalid value: field is immutable", Reason.IMMUTABLE)
    assert told == (
        "Namespace lab failed: cannot be changed once it is made; `manor delete` it, then "
        "apply it again"
    )


def test_what_is_left_out_says_what_failed() -> None:
    told = words(Action.SKIP, "Namespace lab failed", Reason.DEPENDENCY_FAILED)
    assert told == "Namespace lab not attempted: Namespace lab failed"


TEAM = ObjectSet("Tenant vision", Inventory("vision", "", "manor.dev/v1alpha1", "Tenant"), None, [])
JOB = ObjectSet(
    "TrainingJob train", Inventory("train", "vision", "manor.dev/v1alpha1", "TrainingJob"), None, []
)


def test_what_becomes_of_a_set_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    skipped = Step(LAB, Action.SKIP, "Namespace a failed", reasons=(Reason.DEPENDENCY_FAILED,))
    with shown() as show:
        show(SetFailed(TEAM, ApplyError("one line\nanother")))
        show(SetLeftOut(JOB, TEAM))
        show(SetUncounted(JOB, "does not count jobs [yet]"))
        show(ShareWithheld(JOB))
        show(SetKept(TEAM))
        show(Finished(Step(LAB, Action.CREATE)))
        for _ in range(3):
            show(Finished(skipped))
        show(Waiting((Pending(LAB, "is new"),), 1.0))
        show(Waiting((), 2.0))
    assert capsys.readouterr().err.splitlines() == [
        "error: Tenant vision: one line",
        "error: another",
        "TrainingJob train not attempted: Tenant vision failed",
        "TrainingJob train not attempted: does not count jobs [yet]",
        "TrainingJob train: the model answers all requests until its canary does; after --no-wait, "
        "apply it again then",
        "Tenant vision kept: something of what stands on it is kept",
        "Namespace lab not attempted: Namespace a failed",
        "waiting for Namespace lab: is new",
        "2 more not attempted: Namespace a failed",
    ]


def test_warnings_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    warn(SpecSetAside(Broken("Tenant", "old", "", "spec.owners: add it")))
    warn(GpusOvercommitted(8, 4))
    assert capsys.readouterr().err.splitlines() == [
        "warning: Tenant old on the cluster is set aside: spec.owners: add it",
        "warning: tenants are guaranteed 8 GPUs, and the nodes have 4 now",
    ]
