"""Who is in a tenant's flow schema, and that a hundred tenants leave Kubernetes' own levels their
part."""

from math import ceil
from typing import Any

import pytest

from manor.api import Platform, Tenant
from manor.render import render_tenant
from manor.render.fairness import PRECEDENCE, SHARES, fairness

pytestmark = pytest.mark.unit

KUBERNETES = {
    "node-high": 40,
    "system": 30,
    "leader-election": 10,
    "workload-high": 40,
    "workload-low": 100,
    "global-default": 20,
    "catch-all": 5,
}
"""Shares of Kubernetes' own levels (kube-apiserver 1.37); tests/integration/test_fairness.py
compares them."""

PLATFORM = Platform.model_validate(
    {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "Platform",
        "spec": {
            "domain": "example.org",
            "network": {
                "podCidrs": ["10.0.0.0/16"],
                "serviceCidrs": ["10.1.0.0/16"],
                "nodeCidrs": ["10.2.0.0/16"],
            },
            "identity": {"groupPrefix": "oidc:"},
        },
    }
)


def tenant(name: str = "team-a", **spec: Any) -> Tenant:
    whole = {"owners": [{"name": "ada"}], **spec}
    made = {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": whole,
    }
    return Tenant.model_validate(made)


def rendered(of: Tenant) -> tuple[dict[str, Any], dict[str, Any]]:
    level, schema = fairness(PLATFORM, of)
    assert (level["kind"], schema["kind"]) == ("PriorityLevelConfiguration", "FlowSchema")
    return level, schema


def subjects(of: Tenant) -> list[dict[str, Any]]:
    [rule] = rendered(of)[1]["spec"]["rules"]
    found: list[dict[str, Any]] = rule["subjects"]
    return found


def test_every_role_and_kind_of_member_is_in_the_schema() -> None:
    team = tenant(
        members=[
            {"name": "bo", "role": "viewer"},
            {"name": "data", "kind": "Group", "role": "editor"},
            {"name": "deployer", "kind": "ServiceAccount", "namespace": "ci", "role": "editor"},
        ]
    )
    found = subjects(team)
    assert {"kind": "User", "user": {"name": "ada"}} in found
    assert {"kind": "User", "user": {"name": "bo"}} in found
    assert {"kind": "Group", "group": {"name": "oidc:data"}} in found
    assert {
        "kind": "ServiceAccount",
        "serviceAccount": {"name": "deployer", "namespace": "ci"},
    } in found


def test_service_accounts_of_every_namespace_are_in_the_schema_and_of_no_other() -> None:
    found = subjects(tenant(namespaces=[{"name": "team-a-dev"}, {"name": "team-a-prod"}]))
    accounts = [
        subject["serviceAccount"] for subject in found if subject["kind"] == "ServiceAccount"
    ]
    assert accounts == [
        {"name": "*", "namespace": "team-a-dev"},
        {"name": "*", "namespace": "team-a-prod"},
    ]


def test_schema_takes_every_request_to_the_tenants_own_level() -> None:
    level, schema = rendered(tenant())
    [rule] = schema["spec"]["rules"]
    assert (
        schema["spec"]["priorityLevelConfiguration"]["name"]
        == level["metadata"]["name"]
        == "manor-team-a"
    )
    assert schema["spec"]["distinguisherMethod"] == {"type": "ByUser"}
    assert rule["resourceRules"] == [
        {
            "verbs": ["*"],
            "apiGroups": ["*"],
            "resources": ["*"],
            "namespaces": ["*"],
            "clusterScope": True,
        }
    ]
    assert rule["nonResourceRules"] == [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    assert 900 < PRECEDENCE < 9000  # after kube-system's service accounts, before everybody's


def test_level_is_fixed_and_queues() -> None:
    limited = rendered(tenant())[0]["spec"]["limited"]
    assert limited["nominalConcurrencyShares"] == SHARES
    assert (limited["lendablePercent"], limited["borrowingLimitPercent"]) == (0, 0)
    assert limited["limitResponse"]["type"] == "Queue"
    queuing = limited["limitResponse"]["queuing"]
    assert (
        queuing["queueLengthLimit"] * queuing["handSize"] >= 128
    )  # room for a script's parallel requests


def test_two_tenants_share_no_level_and_no_dict() -> None:
    one, other = rendered(tenant("team-a"))[0], rendered(tenant("team-b"))[0]
    assert one["metadata"]["name"] != other["metadata"]["name"]
    queuing = one["spec"]["limited"]["limitResponse"]["queuing"]
    assert queuing is not other["spec"]["limited"]["limitResponse"]["queuing"]


@pytest.mark.parametrize("concurrency", [120, 600, 3000])
def test_a_hundred_tenants_leave_kubernetes_its_part(concurrency: int) -> None:
    teams = {f"team-{number}": tenant(f"team-{number}") for number in range(100)}
    levels = [
        obj["spec"]["limited"]
        for team in teams.values()
        for obj in render_tenant(PLATFORM, team, teams)
        if obj["kind"] == "PriorityLevelConfiguration"
    ]
    assert len(levels) == 100
    own = sum(KUBERNETES.values())
    total = own + sum(level["nominalConcurrencyShares"] for level in levels)
    assert own / total >= 0.7
    for name in ("node-high", "system", "leader-election"):
        alone = ceil(concurrency * KUBERNETES[name] / own)
        assert ceil(concurrency * KUBERNETES[name] / total) >= 0.7 * alone
    assert ceil(concurrency * KUBERNETES["leader-election"] / total) > 1
