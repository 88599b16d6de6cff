"""Why a step is what it is: told by the server's answer, and never by words of our own."""

import pytest

from manor.apply import Action, Reason, Ref
from manor.apply.steps import conflict_step, failure_step
from manor.kube import ApiError, Conflict, Invalid, Unreachable
from manor.objectset.refusals import conflicting_manager, is_by_policy, is_immutable, is_passing

pytestmark = pytest.mark.unit

REF = Ref("batch", "Job", "a", "train")


def invalid(message: str) -> ApiError:
    return Invalid(422, "Invalid", message, {}, "")


def test_a_failure_has_the_servers_message_and_our_reason() -> None:
    immutable = failure_step(
        REF, invalid('Job "train" is invalid: spec.template: field is immutable')
    )
    assert (immutable.action, immutable.reasons) == (Action.FAIL, (Reason.IMMUTABLE,))
    assert "field is immutable" in immutable.message
    assert failure_step(REF, invalid("spec.ports: required")).reasons == (Reason.REJECTED,)
    assert failure_step(REF, Unreachable("no answer")).reasons == (Reason.UNREACHABLE,)
    assert failure_step(REF, TimeoutError("field is immutable")).reasons == ()


def test_a_conflict_of_fields_can_be_forced_and_another_cannot() -> None:
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl" using v1',
        "field": ".spec.x",
    }
    assert conflict_step(REF, Conflict(409, "Conflict", "", {"causes": [cause]}, "")).reasons == (
        Reason.CONFLICT,
    )
    assert conflict_step(REF, Conflict(409, "Conflict", "modified", {}, "")).reasons == (
        Reason.REJECTED,
    )


def test_the_servers_own_words_are_read_in_one_place() -> None:
    assert is_passing('Job "j" is forbidden: status unknown for quota: compute, resources: pods')
    assert is_passing('Operation cannot be fulfilled on resourcequotas "q": the object was changed')
    assert is_passing("no params found for policy binding with `Deny` parameterNotFoundAction")
    assert not is_passing("exceeded quota")
    assert is_immutable('Job "train" is invalid: spec.template: field is immutable')
    refused = "ValidatingAdmissionPolicy 'one' with binding 'one' denied request"
    assert is_by_policy(refused, "one")
    assert not is_by_policy(refused, "two")
    assert conflicting_manager("another text") == "another text"
