"""The table of kinds: what is derived from it is what the golden file has, kind by kind."""

import re
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from manor.api import KINDS, Platform, kinds, wellknown
from manor.api.meta import ApiVersion
from manor.api.pack_zero import RULES
from manor.api.roles import GOVERNED_GROUPS, RoleRule
from manor.api.rules import KindRule, Verbs, governed_groups
from manor.api.status import STATUSES
from manor.engines import made_kinds
from manor.policies import files
from manor.render import pod_makers
from manor.render.roles import cluster_roles
from manor.tools import NO_TOOLS
from manor.verify.objects import pod_spec, workloads

pytestmark = pytest.mark.unit

Object = dict[str, Any]

GOLDEN: list[Object] = list(
    yaml.load_all(
        (Path(__file__).parent.parent / "golden" / "everything.yaml").read_text(), yaml.CSafeLoader
    )
)
READS = {"get", "list", "watch"}
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
IDS = [rule.resource for rule in RULES]


def held(role: str, group: str, resource: str, objects: list[Object] = GOLDEN) -> set[str]:
    """The verbs that a tenant role has on a resource, by default in the golden file."""
    name = wellknown.cluster_role(role)
    (found,) = (
        obj for obj in objects if obj["kind"] == "ClusterRole" and obj["metadata"]["name"] == name
    )
    rules = (
        rule
        for rule in found["rules"]
        if group in rule["apiGroups"] and resource in rule["resources"]
    )
    return {verb for rule in rules for verb in rule["verbs"]}


def expected(verbs: Verbs) -> dict[str, set[str]]:
    viewer = set(verbs.viewer)
    editor = viewer | set(verbs.editor)
    return {"viewer": viewer, "editor": editor, "owner": editor | set(verbs.owner)}


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_roles_hold_the_verbs_of_a_kind_and_no_others(rule: KindRule) -> None:
    for role, wanted in expected(rule.verbs).items():
        assert held(role, rule.group, rule.plural) == wanted, role
    subresources = {
        **rule.subresources,
        **({"scale": Verbs(editor=("get", "update", "patch"))} if rule.scale else {}),
    }
    for name, given in subresources.items():
        for role, wanted in expected(given).items():
            assert held(role, rule.group, f"{rule.plural}/{name}") == wanted, (role, name)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.switch], ids=lambda rule: rule.resource
)
def test_teams_work_with_what_the_platform_switches_on(rule: KindRule) -> None:
    network = {
        "podCidrs": ["10.0.0.0/16"],
        "serviceCidrs": ["10.1.0.0/16"],
        "nodeCidrs": ["10.2.0.0/16"],
    }
    spec = {
        "domain": "example.org",
        "network": {**network, "tenantPolicies": True},
        "resources": {"gpu.example.org": 4},
    }
    platform = Platform.model_validate(
        {"apiVersion": wellknown.API_VERSION, "kind": "Platform", "spec": spec}
    )
    roles = cluster_roles(platform)
    assert held("viewer", rule.group, rule.plural, roles) == READS
    assert held("editor", rule.group, rule.plural, roles) == READS | WRITES


def test_roles_hold_nothing_that_no_rule_states() -> None:
    stated = {
        (rule.group, f"{rule.plural}/{name}")
        for rule in RULES
        for name in (*rule.subresources, "scale")
    }
    stated |= {(rule.group, rule.plural) for rule in RULES}
    names = [wellknown.cluster_role(role) for role in ("owner", "editor", "viewer")]
    roles = [
        obj for obj in GOLDEN if obj["kind"] == "ClusterRole" and obj["metadata"]["name"] in names
    ]
    given = {
        (group, resource)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if group in GOVERNED_GROUPS
    }
    assert given <= stated


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_quota_counts_a_kind_as_its_rule_says(rule: KindRule) -> None:
    quotas = [obj["spec"]["hard"] for obj in GOLDEN if obj["kind"] == "ResourceQuota"]
    # Pods have an amount of their own.
    counted = rule.counted or (rule.group, rule.kind) == ("", "Pod")
    assert {f"count/{rule.resource}" in hard for hard in quotas} == {counted}


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_what_a_tenant_has_to_do_with_lives_in_a_namespace(rule: KindRule) -> None:
    used = (
        rule.verbs != Verbs()
        or rule.subresources
        or rule.switch
        or rule.counted
        or rule.owns
        or rule.templates
    )
    assert rule.namespaced or not used


def test_no_kind_has_two_rules() -> None:
    assert len({(rule.group, rule.plural) for rule in RULES}) == len(RULES)
    assert len({(rule.group, rule.kind) for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("group", GOVERNED_GROUPS)
def test_an_unknown_kind_of_a_governed_group_may_only_be_read(group: str) -> None:
    RoleRule(api_groups=[group], resources=["inventions"], verbs=["get", "list", "watch"])
    for verb in WRITES:
        with pytest.raises(ValidationError, match="may only be read"):
            RoleRule.model_validate(
                {"api_groups": [group], "resources": ["inventions"], "verbs": [verb]}
            )


def test_one_more_rule_governs_its_group() -> None:
    more = KindRule("example.org", "Invention", "inventions")
    assert governed_groups([*RULES, more]) == (*GOVERNED_GROUPS, "example.org")
    assert "metrics.k8s.io" not in GOVERNED_GROUPS


def test_policies_find_the_pod_of_every_kind_that_makes_one() -> None:
    made = workloads(pod_spec())
    paths = {rule.kind: rule.templates for rule in RULES if rule.templates}
    assert set(made) <= set(paths)
    for kind, obj in made.items():
        for path in paths[kind]:
            template = obj
            for part in path.split("."):
                template = template[part]
            assert "containers" in template["spec"], kind
    rules = pod_makers.resource_rules()
    looked_at = {
        (group, name) for rule in rules for group in rule["apiGroups"] for name in rule["resources"]
    }
    assert {(rule.group, rule.plural) for rule in RULES if rule.templates} <= looked_at
    assert ("", "pods/ephemeralcontainers") in looked_at


def test_every_kind_of_manors_is_described_once_and_served_with_its_names() -> None:
    assert [info.kind for info in kinds.ALL] == list(KINDS)
    assert get_args(ApiVersion) == (wellknown.API_VERSION,)
    served = {
        obj["spec"]["names"]["kind"]: obj["spec"]
        for obj in GOLDEN
        if obj["kind"] == "CustomResourceDefinition"
    }
    for info in kinds.ALL:
        spec = served[info.kind]
        assert (spec["names"]["plural"], spec["names"]["singular"]) == (info.plural, info.singular)
        assert spec["scope"] == info.scope
        (version,) = spec["versions"]
        assert [each["name"] for each in version["additionalPrinterColumns"]] == [
            each.name for each in info.columns
        ]


def test_whoever_applies_workloads_may_write_all_that_they_become() -> None:
    plurals = {(rule.group, rule.kind): rule.plural for rule in RULES}
    (applier,) = (obj for obj in GOLDEN if obj["metadata"]["name"] == wellknown.APPLIER)
    for group, kind in {
        made for info in kinds.WORKLOADS for made in made_kinds(info.kind, NO_TOOLS)
    }:
        rules = [rule for rule in applier["rules"] if group in rule["apiGroups"]]
        assert any(
            plurals[group, kind] in rule["resources"] and set(rule["verbs"]) >= WRITES
            for rule in rules
        ), kind


def test_whoever_applies_writes_a_status_and_no_tenant_does() -> None:
    assert list(STATUSES) == [info.kind for info in kinds.ALL]
    statuses = {f"{info.plural}/status" for info in kinds.ALL}
    for role in ("viewer", "editor", "owner"):
        for resource in statuses:
            assert held(role, wellknown.GROUP, resource) <= READS
    (applier,) = (obj for obj in GOLDEN if obj["metadata"]["name"] == wellknown.APPLIER)
    (rule,) = (rule for rule in applier["rules"] if statuses & set(rule["resources"]))
    assert set(rule["resources"]) == statuses
    assert rule["verbs"] == ["get", "update", "patch"]


def test_policies_name_no_key_of_manors_that_nobody_else_knows() -> None:
    known = {value for value in vars(wellknown).values() if isinstance(value, str)} | {
        *wellknown.FRONT_PODS
    }
    # From one policy to another, on a Service while it is being admitted.
    known.add("manor.dev/chosen")
    policies = resources.files("manor.policies")
    texts = [policies.joinpath("shared.yaml"), policies.joinpath("warnings.yaml")]
    for text in [*texts, *files()]:
        named = set(re.findall(r"\bmanor\.dev/[a-z0-9-]+", text.read_text(encoding="utf-8")))
        assert named <= known, text
