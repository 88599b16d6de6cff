"""A policy that is gone, that nothing binds or that passes objects over is found, whichever it
is."""

import copy
from types import SimpleNamespace
from typing import Any

import pytest

from guarded_cluster import WHOLE_PLATFORM
from manor.render.guardrails import policies
from manor.verify.attempt import Verdict
from manor.verify.checks.admission.policies_enforced import ADVISORY, CHECK

pytestmark = pytest.mark.unit

Object = dict[str, Any]
SHIPPED = policies(WHOLE_PLATFORM)
POLICIES = [
    (obj["kind"], obj["metadata"]["name"])
    for obj in SHIPPED
    if not obj["kind"].endswith("Binding") and obj["metadata"]["name"] not in ADVISORY
]


async def found(objects: list[Object]) -> dict[str, str]:
    """What the check says of what is broken."""

    async def of_kind(_api_version: str, kind: str) -> list[Object]:
        return [obj for obj in objects if obj["kind"] == kind]

    context = SimpleNamespace(snapshot=SimpleNamespace(all=of_kind))
    attempts = await CHECK.run(context)  # type: ignore[arg-type]
    return {one.what: one.got for one in attempts if one.verdict is Verdict.BROKEN}


async def test_what_is_shipped_is_sound() -> None:
    assert await found(SHIPPED) == {}


@pytest.mark.parametrize(("kind", "name"), POLICIES)
async def test_each_policy_is_missed(kind: str, name: str) -> None:
    unbound = [
        obj
        for obj in SHIPPED
        if (obj["kind"], obj["spec"].get("policyName")) != (f"{kind}Binding", name)
    ]
    assert await found(unbound) == {f"{kind} {name}": "it is not bound"}
    gone = [obj for obj in unbound if (obj["kind"], obj["metadata"]["name"]) != (kind, name)]
    assert await found(gone) == {f"{kind} {name}": "it is not there"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("failurePolicy", "Ignore", "it fails open"),
        ("matchConstraints", {"objectSelector": {"a": 1}}, "the policy has a selector of its own"),
        ("matchConstraints", {"excludeResourceRules": [{}]}, "the policy excludes resources"),
        ("matchConstraints", {"resourceRules": []}, "the policy is not as Manor wrote it"),
        ("matchConditions", [{"expression": "a != b"}], "the policy is not as Manor wrote it"),
        ("variables", [{"expression": "true"}], "the policy is not as Manor wrote it"),
    ],
)
@pytest.mark.parametrize(("kind", "name"), POLICIES)
async def test_a_policy_that_lets_pass_is_told(
    kind: str, name: str, field: str, value: Any, said: str
) -> None:
    objects = copy.deepcopy(SHIPPED)
    (policy,) = [obj for obj in objects if (obj["kind"], obj["metadata"]["name"]) == (kind, name)]
    policy["spec"][field] = value
    assert (await found(objects))[f"{kind} {name}"].startswith(said)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("paramRef", {"name": "lax", "namespace": "mine", "parameterNotFoundAction": "Deny"}),
        ("matchResources", {"resourceRules": [{"operations": ["CREATE"], "resources": ["pods"]}]}),
    ],
)
async def test_a_binding_that_lets_pass_is_told(field: str, value: Any) -> None:
    objects = copy.deepcopy(SHIPPED)
    for obj in objects:
        if obj["kind"].endswith("Binding") and obj["metadata"]["name"] == "manor-images":
            obj["spec"][field] = value
    told = await found(objects)
    assert told == {
        "ValidatingAdmissionPolicy manor-images": "binding manor-images is not as Manor wrote it"
    }


async def test_one_binding_of_two_is_missed() -> None:
    rest = [obj for obj in SHIPPED if obj["metadata"]["name"] != "manor-images-update"]
    told = {"ValidatingAdmissionPolicy manor-images": "binding manor-images-update is not there"}
    assert await found(rest) == told


async def test_what_the_server_fills_in_is_no_change() -> None:
    objects = copy.deepcopy(SHIPPED)
    for obj in objects:
        looked_at = obj["spec"].get("matchConstraints") or obj["spec"].get("matchResources")
        if looked_at is not None:
            looked_at.update(matchPolicy="Equivalent", objectSelector={})
            for rule in looked_at.get("resourceRules", ()):
                rule.setdefault("scope", "*")
    assert await found(objects) == {}
