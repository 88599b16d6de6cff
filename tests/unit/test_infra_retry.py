"""What is asked of the API server again, and for how long."""

from dataclasses import replace

import pulumi
import pytest

from manor.infra.retry import _pause, retried
from manor.limits import limits, override
from pulumi_programs import EXAMPLE, files, recorded
from pulumi_runs import Recorder, run

pytestmark = pytest.mark.unit

NO_PARAMETERS = (
    "is forbidden: ValidatingAdmissionPolicy 'manor-rbac' denied request: no params "
    "found for policy binding"
)
NOT_COUNTED = 'pods "x" is forbidden: status unknown for quota: manor-quota, resources: count/pods'


def asked_again(*errors: str, preview: bool = False) -> bool:
    """Whether the newest of these errors leads to another try."""
    told: list[bool] = []

    async def program() -> None:
        (hook,) = retried("x").on_error or []
        answer = hook.callback(pulumi.ErrorHookArgs("urn", "", "x", "type", errors=list(errors)))
        assert not isinstance(answer, bool)
        told.append(await answer)

    run(program, Recorder(), preview=preview)
    return told[0]


@pytest.mark.parametrize("passing", [NO_PARAMETERS, NOT_COUNTED])
def test_what_is_refused_for_a_moment_is_asked_again(passing: str) -> None:
    assert asked_again(passing)


def test_any_other_refusal_stands() -> None:
    assert not asked_again("is forbidden: image not allowed")
    assert not asked_again("is forbidden: image not allowed", NO_PARAMETERS)


def test_it_is_not_asked_for_ever() -> None:
    tries = limits().infra.retries
    with override(infra=replace(limits().infra, retry_pause_longest=0)):
        for failures in range(1, tries + 1):
            assert asked_again(*[NO_PARAMETERS] * failures)
        assert not asked_again(*[NO_PARAMETERS] * (tries + 1))


def test_it_is_asked_for_about_ten_seconds() -> None:
    assert 5 < sum(map(_pause, range(1, limits().infra.retries + 1))) < 20


def test_a_preview_does_not_wait() -> None:
    assert not asked_again(NO_PARAMETERS, preview=True)


def test_every_object_of_a_component_is_asked_for_with_patience() -> None:
    made = recorded(files(EXAMPLE)).objects()
    kinds = {"Platform", "Tenant", "TrainingJob", "Model"}
    assert {one.on_error[0].split(":")[1] for one in made.values()} == kinds
    for name, one in made.items():
        assert one.on_error[0].endswith(f":{name.partition(':')[0]}")
