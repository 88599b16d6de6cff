"""One GPU budget over several resources, other resources, and what owners and operators may do with
extra rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from manor.api import Platform, Tenant
from manor.api.quantity import parse
from manor.api.roles import GOVERNED_GROUPS
from manor.render import guardrails, render_tenant
from manor.render.network import network_policies
from manor.render.quota import budget, divide
from manor.render.roles import cluster_roles

pytestmark = pytest.mark.unit

TABLE: dict[str, Any] = {
    "resourceNames": ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "gpu.nvidia.com"],
    "perGpu": {"nvidia.com/mig-1g.5gb": 7},
}
GPU, SLICE, CLAIMED = (
    "requests.nvidia.com/gpu",
    "requests.nvidia.com/mig-1g.5gb",
    "gpu.nvidia.com.deviceclass.resource.k8s.io/devices",
)


def platform(**spec: Any) -> Platform:
    network = {
        "podCidrs": ["10.244.0.0/16"],
        "serviceCidrs": ["10.96.0.0/16"],
        "nodeCidrs": ["172.30.0.0/16"],
    }
    whole = {
        "domain": "example.org",
        "gpu": TABLE,
        **spec,
        "network": {**network, **spec.get("network", {})},
    }
    return Platform.model_validate(
        {"apiVersion": "manor.dev/v1alpha1", "kind": "Platform", "spec": whole}
    )


def tenant(**spec: Any) -> Tenant:
    body = {"owners": [{"name": "ada"}], **spec}
    return Tenant.model_validate(
        {
            "apiVersion": "manor.dev/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": "team-a"},
            "spec": body,
        }
    )


def gpus(hard: dict[str, str]) -> list[str]:
    return [hard[key] for key in (GPU, SLICE, CLAIMED)]


def test_the_whole_budget_is_the_first_resources() -> None:
    assert gpus(budget(platform(), tenant(gpu={"guarantee": 6, "borrow": 2}))) == ["8", "0", "0"]


def test_seven_slices_are_one_gpu() -> None:
    divided = {"nvidia.com/gpu": 5, "nvidia.com/mig-1g.5gb": 14, "gpu.nvidia.com": 1}
    assert gpus(budget(platform(), tenant(gpu={"guarantee": 8, "resources": divided}))) == [
        "5",
        "14",
        "1",
    ]


counts = st.dictionaries(st.sampled_from(TABLE["resourceNames"]), st.integers(0, 99))


@given(counts, st.integers(0, 20), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_no_division_of_a_budget_is_more_than_the_budget(
    asked: dict[str, int], total: int, shares: list[int]
) -> None:
    """Not even one that nobody looked at before it reached the cluster."""
    whole = platform()
    spaces = [{"name": f"n{number}", "share": share} for number, share in enumerate(shares)]
    quotas = divide(
        whole, tenant(gpu={"guarantee": total, "resources": asked}, namespaces=spaces)
    ).values()
    names = dict(zip((GPU, SLICE, CLAIMED), TABLE["resourceNames"], strict=True))
    held = {name: sum(int(parse(hard[key])) for hard in quotas) for key, name in names.items()}
    assert whole.spec.gpu.gpus_in(held) <= total


def test_other_resources_are_the_platforms_amount_or_the_tenants() -> None:
    other = {"vpc.amazonaws.com/efa": 0, "smarter-devices/fuse": 5, "hugepages-2Mi": "1Gi"}
    hard = budget(
        platform(resources=other), tenant(quota={"resources": {"vpc.amazonaws.com/efa": 4}})
    )
    assert hard["requests.vpc.amazonaws.com/efa"] == "4"
    assert hard["requests.smarter-devices/fuse"] == "5"
    assert (hard["requests.hugepages-2Mi"], hard["requests.hugepages-1Gi"]) == ("1Gi", "0")


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"gpu": {"perGpu": {"amd.com/gpu": 2}}}, "perGpu: amd.com/gpu is not in resourceNames"),
        ({"gpu": {"resourceNames": ["gpu.nvidia.com"]}}, "gpu.nvidia.com is a DeviceClass"),
        ({"resources": {"cpu": 4}}, "cpu is a field of each Tenant's quota"),
        ({"resources": {"nvidia.com/gpu": 4}}, "nvidia.com/gpu counts as a GPU"),
        (
            {"roles": {"owner": [{"apiGroups": ["*"], "resources": ["x"], "verbs": ["get"]}]}},
            "apiGroups",
        ),
        (
            {"roles": {"owner": [{"apiGroups": ["x.io"], "resources": ["*"], "verbs": ["get"]}]}},
            "resources",
        ),
        (
            {"roles": {"owner": [{"apiGroups": ["x.io"], "resources": ["x"], "verbs": ["bind"]}]}},
            "verbs",
        ),
        (
            {
                "roles": {
                    "viewer": [{"apiGroups": ["x.io"], "resources": ["x"], "verbs": ["patch"]}]
                }
            },
            "a viewer reads",
        ),
        (
            {
                "roles": {
                    "viewer": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
                }
            },
            "no Secrets",
        ),
        (
            {
                "roles": {
                    "owner": [
                        {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["patch"]}
                    ]
                }
            },
            "only be",
        ),
        (
            {
                "roles": {
                    "owner": [{"apiGroups": ["cilium.io"], "resources": ["x"], "verbs": ["create"]}]
                }
            },
            "only be",
        ),
        (
            {"network": {"dns": {"namespace": "x", "addresses": ["169.254.20.10/31"]}}},
            "a single address",
        ),
    ],
)
def test_a_platform_that_contradicts_itself_is_refused(spec: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ValidationError, match=wanted):
        platform(**spec)


def rules(whole: Platform, role: str) -> set[tuple[str, str, str]]:
    made = {obj["metadata"]["name"]: obj["rules"] for obj in cluster_roles(whole)}[f"manor:{role}"]
    return {
        (group, resource, verb)
        for rule in made
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_extra_rules_are_counted_and_go_upwards() -> None:
    writes = {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get"]}
    reads = {"apiGroups": ["argoproj.io"], "resources": ["eventsources"], "verbs": ["get"]}
    whole = platform(roles={"editor": [writes], "viewer": [reads]})
    created = ("argoproj.io", "workflows", "create")
    assert created in rules(whole, "owner") & rules(whole, "editor") - rules(whole, "viewer")
    assert all(
        ("argoproj.io", "eventsources", "get") in rules(whole, role)
        for role in ("owner", "editor", "viewer")
    )
    assert "count/workflows.argoproj.io" in budget(whole, tenant())


def test_claims_and_network_policies_are_there_where_the_platform_has_them() -> None:
    claim, policy = (
        ("resource.k8s.io", "resourceclaims", "create"),
        ("networking.k8s.io", "networkpolicies", "create"),
    )
    assert not {claim, policy} & rules(platform(gpu={}), "owner")
    assert {claim, policy} <= rules(platform(network={"tenantPolicies": True}), "editor")
    assert not {claim, policy} & rules(platform(network={"tenantPolicies": True}), "viewer")


def test_an_owner_holds_what_the_roles_of_common_charts_grant() -> None:
    held = rules(platform(), "owner")
    for verb in ("get", "list", "watch", "create", "patch", "delete"):
        assert {
            ("", "pods/exec", verb),
            ("", "pods/attach", verb),
            ("coordination.k8s.io", "leases", verb),
        } <= held
    assert {
        ("", "events", "create"),
        ("events.k8s.io", "events", "patch"),
        ("", "pods/resize", "patch"),
    } <= held
    assert ("apps", "controllerrevisions", "list") in rules(platform(), "viewer")


def test_a_team_closed_inside_has_no_policy_of_its_own_and_the_platforms_peers_reach_it() -> None:
    peer = {
        "name": "prometheus",
        "namespace": "monitoring",
        "labels": {"app": "prometheus"},
        "ports": [9090],
    }
    dns = {"namespace": "openshift-dns", "port": 5353, "addresses": ["169.254.20.10"]}
    whole = platform(
        network={"peers": [peer, {**peer, "name": "db", "direction": "egress"}], "dns": dns}
    )
    made = {
        obj["metadata"]["name"]: obj["spec"]
        for obj in policies(whole, network={"internal": "closed"})
    }
    assert "manor-same-tenant" not in made
    assert made["manor-peer-prometheus"]["policyTypes"] == ["Ingress"]
    assert made["manor-peer-db"]["egress"][0]["ports"] == [{"protocol": "TCP", "port": 9090}]
    pods, cache = made["manor-dns"]["egress"]
    assert {port["port"] for port in pods["ports"]} == {5353}
    assert cache["to"] == [{"ipBlock": {"cidr": "169.254.20.10/32"}}]
    assert {port["port"] for port in cache["ports"]} == {53}
    fewer = {obj["metadata"]["name"] for obj in policies(whole, network={"platformPeers": ["db"]})}
    assert {"manor-peer-db", "manor-same-tenant"} <= fewer
    assert "manor-peer-prometheus" not in fewer


def policies(whole: Platform, **spec: Any) -> list[dict[str, Any]]:
    return network_policies(whole, tenant(**spec), {}, "team-a")


def test_a_service_account_among_the_members_is_made_where_it_lives() -> None:
    members = [
        {"kind": "ServiceAccount", "name": name, "namespace": name} for name in ("team-a", "ops")
    ]
    made = render_tenant(platform(), tenant(members=members), {})
    accounts = {
        (o["metadata"]["namespace"], o["metadata"]["name"])
        for o in made
        if o["kind"] == "ServiceAccount"
    }
    assert accounts == {("team-a", "default"), ("team-a", "team-a")}


def test_every_group_that_the_platform_reserves_may_only_be_read() -> None:
    policy = next(
        obj
        for obj in guardrails.policies(platform())
        if obj["metadata"]["name"] == "manor-reserved"
    )
    groups = {
        g for rule in policy["spec"]["matchConstraints"]["resourceRules"] for g in rule["apiGroups"]
    }
    assert groups - {"snapshot.storage.k8s.io"} <= set(GOVERNED_GROUPS)
