"""Render's invariants, for any tenant: what isolation hangs on is there, whatever the spec says."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manor.api import Platform, Tenant
from manor.api.quantity import parse
from manor.render import render_platform, render_tenant, spec_object
from manor.render.crds import crds
from manor.render.quota import budget

pytestmark = pytest.mark.unit

BARE: dict[str, Any] = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "Platform",
    "spec": {
        "domain": "example.org",
        "network": {
            "podCidrs": ["10.244.0.0/16", "fd10::/64"],
            "serviceCidrs": ["10.96.0.0/16"],
            "nodeCidrs": ["172.30.0.0/16"],
            "blockedCidrs": ["192.168.0.0/16"],
        },
    },
}
PLATFORM = Platform.model_validate(BARE)

labels = st.from_regex(r"[a-cx-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
subjects = st.fixed_dictionaries({"kind": st.sampled_from(["User", "Group"]), "name": labels})
cidrs = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/8", "10.244.3.0/24", "8.8.8.0/24", "169.254.0.0/15", "::/0", "fd00::/8"]
)


@st.composite
def tenants(draw: st.DrawFn) -> Tenant:
    spaces = draw(st.lists(labels, unique=True, max_size=5))
    spec: dict[str, Any] = {
        "owners": draw(
            st.lists(subjects, min_size=1, max_size=3, unique_by=lambda s: (s["kind"], s["name"]))
        ),
        "members": [
            {**subject, "role": draw(st.sampled_from(["owner", "editor", "viewer"]))}
            for subject in draw(
                st.lists(subjects, max_size=4, unique_by=lambda s: (s["kind"], s["name"]))
            )
        ],
        "namespaces": [{"name": name, "share": draw(st.integers(1, 9))} for name in spaces],
        "quota": {
            "cpu": draw(st.sampled_from(["7", "500m", "33"])),
            "memory": draw(st.sampled_from(["7Gi", "100G", "1Mi"])),
            "pods": draw(st.integers(1, 999)),
            "objects": draw(st.integers(1, 999)),
        },
        "gpu": {"guarantee": draw(st.integers(0, 9)), "borrow": draw(st.integers(0, 9))},
        "network": {
            "egress": {
                "internet": draw(st.booleans()),
                "cidrs": draw(st.lists(cidrs, max_size=3, unique=True)),
            },
            "allow": draw(st.lists(st.sampled_from(["other", "nobody"]), max_size=2, unique=True)),
        },
    }
    return Tenant.model_validate(
        {
            "apiVersion": "manor.dev/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": draw(labels)},
            "spec": spec,
        }
    )


def of(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [o for o in objects if o["kind"] == kind]


@given(tenants())
def test_every_namespace_is_closed_before_anything_opens_it(tenant: Tenant) -> None:
    objects = render_tenant(PLATFORM, tenant, {tenant.name: tenant})
    for space in tenant.namespaces:
        here = [o for o in objects if o["metadata"].get("namespace") == space.name]
        deny = next(o for o in here if o["metadata"]["name"] == "manor-default-deny")
        assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        assert {"ResourceQuota", "LimitRange", "ServiceAccount", "ConfigMap", "RoleBinding"} <= {
            o["kind"] for o in here
        }
        (account,) = of(here, "ServiceAccount")
        assert account["automountServiceAccountToken"] is False
    for namespace in of(objects, "Namespace"):
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        assert namespace["metadata"]["labels"]["manor.dev/tenant"] == tenant.name


@given(tenants())
def test_quotas_of_all_namespaces_never_exceed_the_budget(tenant: Tenant) -> None:
    quotas = of(render_tenant(PLATFORM, tenant, {}), "ResourceQuota")
    for resource, whole in budget(PLATFORM, tenant).items():
        assert sum(parse(q["spec"]["hard"][resource]) for q in quotas) <= parse(whole)


@given(
    tenants(),
    st.sampled_from([n for net in PLATFORM.spec.network.forbidden() for n in (net[0], net[-1])]),
)
def test_no_egress_rule_reaches_a_forbidden_address(tenant: Tenant, address: Any) -> None:
    for policy in of(render_tenant(PLATFORM, tenant, {}), "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
                inside = address in ip_network(block["cidr"])
                assert not inside or any(address in ip_network(cidr) for cidr in block["except"])


def test_the_metadata_addresses_are_forbidden() -> None:
    for address in (
        "169.254.169.254",
        "fd00:ec2::254",
        "fe80::a9fe:a9fe",
        "fd20:ce::254",
        "100.100.100.200",
    ):
        assert any(ip_address(address) in network for network in PLATFORM.spec.network.forbidden())


def tenant(name: str, **spec: Any) -> Tenant:
    body = {"apiVersion": "manor.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}}
    return Tenant.model_validate({**body, "spec": {"owners": [{"name": f"{name}-owner"}], **spec}})


def test_two_tenants_meet_only_when_both_allow_it() -> None:
    for one, other, met in ((["b"], ["a"], True), (["b"], [], False), ([], ["a"], False)):
        pair = {
            "a": tenant("a", network={"allow": one}),
            "b": tenant("b", network={"allow": other}),
        }
        names = {
            o["metadata"]["name"]
            for o in of(render_tenant(PLATFORM, pair["a"], pair), "NetworkPolicy")
        }
        assert ("manor-peers" in names) is met


def test_no_role_of_ours_holds_a_wildcard_or_a_way_up() -> None:
    objects = [*render_platform(PLATFORM), *render_tenant(PLATFORM, tenant("a"), {})]
    roles = [*of(objects, "ClusterRole"), *of(objects, "Role")]
    assert roles
    for role in roles:
        for rule in role["rules"]:
            for field in ("apiGroups", "resources", "verbs"):
                assert "*" not in rule[field], role["metadata"]["name"]
            assert not {"escalate", "impersonate"} & set(rule["verbs"])
            if "bind" in rule["verbs"]:
                assert role["metadata"]["name"] in ("manor:applier", "manor:keeper")
                assert rule["resourceNames"] == [
                    "manor:owner",
                    "manor:editor",
                    "manor:viewer",
                    "manor:workloads",
                    "manor:stand-in",
                    "manor:front",
                ]
            assert not {"nodes", "nodes/proxy", "pods/proxy", "services/proxy"} & set(
                rule["resources"]
            )
            if "serviceaccounts/token" in rule["resources"]:
                assert role["metadata"]["name"] == "manor:owner"


def test_people_see_the_front_by_a_role_that_the_operator_may_bind_by_name() -> None:
    (role,) = (o for o in render_platform(PLATFORM) if o["metadata"]["name"] == "manor:front")
    assert [(rule["resourceNames"], rule["verbs"]) for rule in role["rules"]] == [
        (["manor-front"], ["get"])
    ]
    objects = render_tenant(PLATFORM, tenant("a"), {})
    bound = {
        o["roleRef"]["name"]: o["metadata"]["namespace"]
        for o in of(objects, "RoleBinding")
        if o["roleRef"]["kind"] == "ClusterRole"
    }
    assert bound["manor:front"] == "manor-front"
    assert [o["metadata"]["namespace"] for o in of(objects, "Role")] == ["manor-system"]


def test_who_applies_tenants_cannot_read_their_secrets_nor_touch_the_guardrails() -> None:
    (applier,) = (o for o in render_platform(PLATFORM) if o["metadata"]["name"] == "manor:applier")
    held = {
        (group, r)
        for rule in applier["rules"]
        for group in rule["apiGroups"]
        for r in rule["resources"]
    }
    assert not {("", "secrets"), ("", "pods/exec"), ("", "serviceaccounts/token")} & held
    assert "admissionregistration.k8s.io" not in {group for group, _ in held}


@given(tenants())
def test_render_is_deterministic_and_names_are_unique(tenant: Tenant) -> None:
    objects = render_tenant(PLATFORM, tenant, {})
    assert objects == render_tenant(PLATFORM, tenant, {})
    keys = [
        (o["apiVersion"], o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
        for o in objects
    ]
    assert len(keys) == len(set(keys))


def test_dropping_a_host_does_not_rename_the_others() -> None:
    def listeners(*hosts: str) -> set[str]:
        (gateway,) = of(render_tenant(PLATFORM, tenant("a", hosts=hosts), {}), "Gateway")
        return {listener["name"] for listener in gateway["spec"]["listeners"]}

    assert listeners("b.example.com", "*.c.example.com") < listeners(
        "a.example.com", "b.example.com", "*.c.example.com"
    )


def test_crds_have_no_unions_and_forbid_what_the_models_forbid() -> None:
    for crd in crds():
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        assert schema["required"] == ["spec"]
        assert "$ref" not in str(schema)


def test_a_mapping_with_nothing_in_it_is_as_absent() -> None:
    empty: dict[str, Any] = {"engines": {}, "gpu": {"perGpu": {}}, "images": {"serving": {}}}
    bare = Platform.model_validate({**BARE, "spec": {**BARE["spec"], **empty}})
    assert spec_object(bare)["spec"] == BARE["spec"]
    full = {"engines": {"queue": "kueue"}, "tools": []}
    named = Platform.model_validate({**BARE, "spec": {**BARE["spec"], **full}})
    assert spec_object(named)["spec"] == {**BARE["spec"], **full}
