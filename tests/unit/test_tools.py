"""What follows from a Tool, and what a Tool may not say."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from manor.api import Platform, Tenant
from manor.engines import checked, compile_specs
from manor.load import InvalidInput, Specs, load
from manor.render import Object, render_platform, render_tenant, spec_object
from manor.tools import Toolset, objections, shipped, toolbox, turned_on
from spec_examples import BASE
from tool_examples import obj, tool

pytestmark = pytest.mark.unit


def platform(*tools: str, **spec: Any) -> Platform:
    base = BASE["Platform"]
    return Platform.model_validate({**base, "spec": {**base["spec"], "tools": list(tools), **spec}})


def tenant(**spec: Any) -> Tenant:
    return Tenant.model_validate(
        {
            **BASE["Tenant"],
            "spec": {
                **BASE["Tenant"]["spec"],
                "namespaces": [{"name": "one"}, {"name": "two"}],
                **spec,
            },
        }
    )


def made(objects: list[Object], kind: str) -> dict[str, Object]:
    """The objects of a kind, by name and namespace."""
    found = [obj for obj in objects if obj["kind"] == kind]
    return {
        "/".join(filter(None, (o["metadata"].get("namespace"), o["metadata"]["name"]))): o
        for o in found
    }


@pytest.fixture
def objects() -> list[Object]:
    """All that a tenant of a platform with a forge has."""
    whole = platform("forge")
    return render_tenant(whole, tenant(), {}, turned_on(whole, {"forge": tool()}))


def test_the_roles_of_a_tool_are_written_out_and_bound_where_it_is_used(
    objects: list[Object],
) -> None:
    roles = made(render_platform(platform("forge"), Toolset((tool(),))), "ClusterRole")
    editor = roles["manor:tool:forge:editor"]["rules"]
    granted = {resource: set(rule["verbs"]) for rule in editor for resource in rule["resources"]}
    assert granted["anvils"] == {
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
    }
    assert granted["anvils/scale"] == {"get", "update", "patch"}
    assert granted["logs"] == {"get", "list", "watch"}
    assert "fires" not in granted  # a role in a namespace says nothing of what lives in none
    seen = made(objects, "ClusterRole")["manor:tenant:team-a"]["rules"][-1]
    assert seen == {
        "apiGroups": ["forge.example"],
        "resources": ["fires"],
        "verbs": ["get", "list", "watch"],
    }
    assert not any("*" in value for rule in editor for value in rule.values())
    bind = next(rule for rule in roles["manor:applier"]["rules"] if rule["verbs"] == ["bind"])
    assert "manor:tool:forge:owner" in bind["resourceNames"]
    bindings = made(objects, "RoleBinding")
    assert bindings["one/manor-tool-forge-owners"]["roleRef"]["name"] == "manor:tool:forge:owner"
    assert bindings["two/manor-tool-forge-owners"]["subjects"] == [
        *bindings["two/manor-owners"]["subjects"],
        *bindings["two/manor-stand-in"]["subjects"],
    ]


def test_its_controllers_may_write_where_it_is_used_alone(objects: list[Object]) -> None:
    roles = made(render_platform(platform("forge"), Toolset((tool(),))), "ClusterRole")
    assert (
        roles["manor:tool:forge:controller"]["rules"]
        == tool().model_dump(by_alias=True)["spec"]["rights"]
    )
    bind = next(rule for rule in roles["manor:applier"]["rules"] if rule["verbs"] == ["bind"])
    assert "manor:tool:forge:controller" in bind["resourceNames"]
    binding = made(objects, "RoleBinding")["one/manor-tool-forge-controllers"]
    assert binding["roleRef"]["name"] == "manor:tool:forge:controller"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "namespace": "forge-system", "name": "smith"}
    ]
    assert "manor:tool:forge:controller" not in str(made(objects, "ClusterRoleBinding"))


@pytest.mark.parametrize("resource", ["pods/exec", "serviceaccounts/token", "resourcequotas"])
def test_no_controller_gets_into_a_tenants_pods(resource: str) -> None:
    given = tool(rights=[{"apiGroups": [""], "resources": ["pods", resource], "verbs": ["create"]}])
    (found,) = objections(given)
    assert (found.path, f"{resource} is nothing that a controller needs" in str(found)) == (
        ("spec", "rights", 0, "resources", 1),
        True,
    )


def test_rights_are_somebodys() -> None:
    with pytest.raises(ValueError, match="name their service accounts"):
        tool(controllers=[])


def test_what_tenants_make_of_it_is_counted(objects: list[Object]) -> None:
    hard = made(objects, "ResourceQuota")["one/manor-quota"]["spec"]["hard"]
    assert hard["count/anvils.forge.example"] == "100"
    assert "count/fires.forge.example" not in hard


def test_its_pods_reach_what_the_opening_names_and_no_more(objects: list[Object]) -> None:
    policy = made(objects, "NetworkPolicy")["one/manor-tool-forge-bellows"]["spec"]
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "forge-air"}}}
    assert policy == {
        "podSelector": {"matchLabels": {"app": "anvil"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [peer], "ports": [{"protocol": "TCP", "port": 9000}]}],
    }


def test_its_objects_are_filled_in_and_are_manors(objects: list[Object]) -> None:
    assert made(objects, "Fire")["team-a"]["metadata"]["labels"]["manor.dev/tenant"] == "team-a"
    anvils = made(objects, "Anvil")
    assert [anvils[f"{place}/first"]["spec"]["for"] for place in ("one", "two")] == [
        "team-a in one, $5",
        "team-a in two, $5",
    ]
    assert anvils["one/first"]["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "manor"


def test_what_it_writes_and_owns_is_allowed(objects: list[Object]) -> None:
    namespace = made(objects, "Namespace")["one"]
    assert namespace["metadata"]["annotations"]["manor.dev/metadata-keys"] == "forge.example/*"
    own = tenant(metadataKeys=["a.example/b"])
    again = made(render_tenant(platform("forge"), own, {}, Toolset((tool(),))), "Namespace")["one"]
    assert (
        again["metadata"]["annotations"]["manor.dev/metadata-keys"] == "a.example/b,forge.example/*"
    )
    policies = made(
        render_platform(platform("forge"), Toolset((tool(),))), "ValidatingAdmissionPolicy"
    )
    metadata, queues = str(policies["manor-metadata"]), str(policies["manor-queues"])
    assert "Anvil.forge.example" in metadata
    assert "forge.example/hot" in metadata
    assert "Log.forge.example" not in metadata
    assert "Anvil.forge.example" in queues


def test_a_guardrail_becomes_a_policy_like_manors_own() -> None:
    objects = render_platform(platform("forge"), Toolset((tool(),)))
    policy = made(objects, "ValidatingAdmissionPolicy")["manor-forge-weight"]["spec"]
    (rule,) = policy["matchConstraints"]["resourceRules"]
    assert (rule["apiGroups"], rule["resources"]) == (["forge.example"], ["anvils"])
    (validation,) = policy["validations"]
    assert validation["expression"] == "variables.exempt || (variables.kilos < 100)"
    assert "it\\'s too heavy" in validation["messageExpression"]
    bindings = made(objects, "ValidatingAdmissionPolicyBinding")
    assert {"manor-forge-weight", "manor-forge-weight-update"} <= bindings.keys()


def test_a_tenant_may_use_fewer(objects: list[Object]) -> None:
    without = render_tenant(platform("forge"), tenant(tools=[]), {}, Toolset((tool(),)))
    assert without == render_tenant(platform(), tenant(tools=[]), {})
    assert len(without) < len(objects)


def test_a_tool_of_ones_own_stands_before_a_shipped_one_of_its_name() -> None:
    for name in shipped():
        assert toolbox({name: tool(name)})[name].spec.summary == "A forge"
    assert turned_on(platform("no-such"), {}).tools == ()


@pytest.mark.parametrize("name", sorted(shipped()))
def test_nothing_speaks_against_what_is_shipped(name: str) -> None:
    assert list(objections(shipped()[name])) == []
    assert set(shipped()[name].spec.needs) <= shipped().keys()
    whole = platform(name)
    assert render_tenant(whole, tenant(), {}, turned_on(whole, {}))


POD_READER = {"verbs": ["get"], "resources": ["pods"], "apiGroups": [""]}


def role(**rule: Any) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "a"},
        "rules": [{**POD_READER, **rule}],
    }


@pytest.mark.parametrize(
    ("part", "given", "path", "message"),
    [
        ("namespace", obj("v1", "Secret"), "kind", "a Secret does not belong into a file"),
        ("namespace", obj("v1", "Pod"), "kind", "Pod is not for a Tool to make"),
        (
            "tenant",
            obj("rbac.authorization.k8s.io/v1", "ClusterRole"),
            "kind",
            "ClusterRole is not for a Tool",
        ),
        (
            "tenant",
            obj("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
            "kind",
            "is not for a Tool",
        ),
        ("namespace", obj("forge.example/v1", "Fire", "$tenant"), "kind", "lives in no namespace"),
        ("tenant", obj("forge.example/v1", "Fire", "shared"), "name", "every tenant would share"),
        (
            "namespace",
            obj("v1", "ConfigMap", namespace="kube-system"),
            "namespace",
            "live in the tenant's namespaces",
        ),
        ("namespace", role(verbs=["*"]), "verbs", "'*' hands on rights"),
        ("namespace", role(verbs=["escalate"]), "verbs", "'escalate' hands on rights"),
        ("namespace", role(resources=["*"]), "resources", "'*' hands on rights"),
        (
            "namespace",
            obj("rbac.authorization.k8s.io/v1", "RoleBinding")
            | {"roleRef": {"kind": "ClusterRole", "name": "admin"}},
            "kind",
            "binds what is no Role",
        ),
        ("namespace", {"kind": "ConfigMap"}, 0, "not an object"),
        ("namespace", obj("v1", "ConfigMap", "$nobody"), 0, "cannot be filled in"),
        ("namespace", obj("v1", "ConfigMap", "5$"), 0, "cannot be filled in"),
    ],
)
def test_what_a_tool_may_not_bring(part: str, given: Object, path: str | int, message: str) -> None:
    found = list(objections(tool(objects={part: [given]})))
    assert [(error.path[-1], message in str(error)) for error in found] == [(path, True)]


def test_a_variable_says_what_can_be_filled_in() -> None:
    (found,) = objections(tool(env={"HOME_OF": "$tenant", "BAD": "$nobody"}))
    assert (found.path, "there are $tenant" in str(found)) == (("spec", "env", "BAD"), True)


RUNS = obj("apps/v1", "Deployment") | {"spec": {"containers": [{"image": "$image"}]}}


def test_a_tools_image_is_the_platforms_to_name(tmp_path: Path) -> None:
    own = spec_object(tool(objects={"namespace": [RUNS]}))
    named = platform("forge", images={"tools": {"forge": "registry.example/forge:1"}})
    specs = load([written(tmp_path, own, spec_object(named), spec_object(tenant()))])
    assert specs.platform
    deployments = made(render_tenant(specs.platform, tenant(), {}, specs.toolset), "Deployment")
    assert {str(each["spec"]) for each in deployments.values()} == {
        "{'containers': [{'image': 'registry.example/forge:1'}]}"
    }
    with pytest.raises(InvalidInput, match=r"spec.tools\[0\]: forge runs an image .* spec.images"):
        load([written(tmp_path, own, spec_object(platform("forge")))])
    with pytest.raises(InvalidInput, match=r"spec.objects: forge runs an image .* spec.images"):
        load([written(tmp_path, own)], known=Specs(platform=platform("forge")))


CLAIM = obj("v1", "PersistentVolumeClaim") | {
    "spec": {"resources": {"requests": {"storage": "5Gi"}}}
}
SERVER = obj("apps/v1", "Deployment") | {
    "spec": {
        "replicas": 2,
        "template": {"spec": {"containers": [{"resources": {"limits": {"memory": "1Gi"}}}]}},
    }
}


@pytest.mark.parametrize(
    ("quota", "told"),
    [
        ({"storage": "12Gi", "memory": "4Gi"}, {}),
        ({"storage": "11Gi", "memory": "4Gi"}, {"storage": "makes 6Gi of requests.storage"}),
        ({"storage": "12Gi", "memory": "3Gi"}, {"memory": "makes 2Gi of limits.memory"}),
    ],
)
def test_what_a_tool_brings_fits_into_the_budget(
    quota: dict[str, str], told: dict[str, str]
) -> None:
    """The tenant has two namespaces, of half its budget each, and a volume of its own in the
    first."""
    given = tool(objects={"tenant": [CLAIM, SERVER]})
    team = tenant(quota=quota, volumes=[{"name": "own", "size": "1Gi"}])
    _, objections = checked(platform("forge"), {"team-a": team}, [team], (), Toolset((given,)))
    assert [each.path for each in objections] == [("spec", "quota", field) for field in told]
    assert all(words in str(objections) for words in told.values())


def written(folder: Path, *specs: Object) -> Path:
    file = folder / "all.yaml"
    file.write_text(yaml.safe_dump_all(specs))
    return file


def test_what_cannot_be_is_told_by_file_line_and_field(tmp_path: Path) -> None:
    bad = spec_object(tool(objects={"namespace": [obj("v1", "Secret")]}))
    given = written(
        tmp_path, spec_object(platform("forge", "frge")), bad, spec_object(tenant(tools=["kiln"]))
    )
    with pytest.raises(InvalidInput) as error:
        load([given])
    text = str(error.value)
    assert "spec.tools[1]: there is no Tool 'frge'; there are: " in text
    assert "spec.objects.namespace[0].kind: a Secret does not belong" in text
    assert "spec.tools[0]: the Platform has no Tool 'kiln'; it has: forge, frge" in text


def test_what_a_tool_needs_is_on_as_well(tmp_path: Path) -> None:
    specs: list[Any] = [
        tool(),
        tool("kiln", needs=["forge"]),
        platform("forge", "kiln"),
        tenant(tools=["kiln"]),
    ]
    with pytest.raises(InvalidInput) as error:
        load([written(tmp_path, *map(spec_object, specs))])
    assert str(error.value).count("needs the Tool") == 1
    assert "spec.tools[0]: kiln needs the Tool forge: name it as well" in str(error.value)
    with pytest.raises(InvalidInput, match="kiln needs the Tool forge"):
        load([written(tmp_path, *map(spec_object, (*specs[:2], platform("kiln"))))])
    load([written(tmp_path, *map(spec_object, (*specs[:3], tenant(tools=["kiln", "forge"]))))])


def test_no_tenant_takes_the_namespace_of_a_tool(tmp_path: Path) -> None:
    squatter = tenant(namespaces=[{"name": "forge-system"}])
    with pytest.raises(InvalidInput, match="namespace 'forge-system' is the platform's own"):
        load(
            [
                written(
                    tmp_path,
                    spec_object(platform("forge")),
                    spec_object(tool()),
                    spec_object(squatter),
                )
            ]
        )


def test_a_tool_is_compiled_with_the_platform(tmp_path: Path) -> None:
    specs = load(
        [
            written(
                tmp_path, spec_object(tenant()), spec_object(platform("forge")), spec_object(tool())
            )
        ]
    )
    assert specs.platform
    parts = list(compile_specs(specs.platform, specs.tenants, specs.all, specs.toolset))
    assert [part.spec.kind for part in parts] == ["Tool", "Platform", "Tenant"]
    assert parts[0].objects == []
    assert "manor-forge-weight" in made(parts[1].objects, "ValidatingAdmissionPolicy")
    assert "one/first" in made(parts[2].objects, "Anvil")


def test_kueue_makes_a_tenants_budget_a_queue() -> None:
    gpu = {
        "flavors": [
            {"name": "a100", "nodeLabels": {"gpu": "a100"}, "taint": "gpu=a100"},
            {"name": "t4"},
        ]
    }
    whole = platform("kueue", gpu=gpu, engines={"queue": "kueue"})
    team = tenant(
        gpu={"guarantee": 3, "borrow": 5},
        queues=["default", "night"],
        quota={"cpu": 16, "memory": "64Gi"},
    )
    tools = turned_on(whole, {})
    parts = {
        part.spec.kind: part.objects
        for part in compile_specs(whole, {"team-a": team}, [whole, team], tools)
    }
    flavors = made(parts["Platform"], "ResourceFlavor")
    assert flavors.keys() == {"manor-plain", "manor-a100", "manor-t4"}
    assert flavors["manor-a100"]["spec"] == {
        "nodeLabels": {"gpu": "a100"},
        "tolerations": [
            {"key": "gpu", "operator": "Equal", "value": "a100", "effect": "NoSchedule"}
        ],
    }
    queue = made(parts["Tenant"], "ClusterQueue")["team-a"]["spec"]
    plain, gpus = queue["resourceGroups"]
    assert plain["coveredResources"] == ["cpu", "memory", "ephemeral-storage"]
    assert {r["borrowingLimit"] for r in plain["flavors"][0]["resources"]} == {"0"}
    assert [(f["name"], f["resources"]) for f in gpus["flavors"]] == [
        ("manor-a100", [{"name": "nvidia.com/gpu", "nominalQuota": "3", "borrowingLimit": "5"}]),
        ("manor-t4", [{"name": "nvidia.com/gpu", "nominalQuota": "0", "borrowingLimit": "8"}]),
    ]
    assert made(parts["Tenant"], "LocalQueue").keys() == {
        f"{p}/{q}" for p in ("one", "two") for q in ("default", "night")
    }
    alone = compile_specs(whole, {}, [tenant(tools=[])], tools)
    assert not [
        obj
        for part in alone
        for obj in part.objects
        if obj["kind"] in ("ClusterQueue", "LocalQueue")
    ]


def test_where_kueue_is_no_tool_its_queues_are_an_administrators() -> None:
    whole = platform(engines={"queue": "kueue"})
    parts = compile_specs(whole, {"team-a": tenant()}, [whole, tenant()])
    assert not [obj for part in parts for obj in part.objects if "kueue" in obj["apiVersion"]]
