"""What can be said of the policies without an API server: none is unbound, untested, or unlike its
siblings."""

from collections import defaultdict
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from manor.api import Platform, Tenant
from manor.api.wellknown import GUARDRAILS
from manor.render import guardrails, metadata
from manor.tools import Toolset, shipped
from policy_cases import FOLDERS, POLICIES, Case, cases

pytestmark = pytest.mark.unit

Object = dict[str, Any]

SPEC: Object = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "Platform",
    "spec": {
        "domain": "example.org",
        "contact": 'the "platform" team\'s channel\n',
        "network": {
            "podCidrs": ["10.0.0.0/16"],
            "serviceCidrs": ["10.1.0.0/16"],
            "nodeCidrs": ["10.2.0.0/16"],
        },
        "gpu": {
            "flavors": [
                {"name": "a100", "nodeLabels": {"gpu": "a100"}, "taint": "a100"},
                {"name": "h100", "nodeLabels": {"gpu": "h100"}, "taint": "h100"},
            ]
        },
        "identity": {"groupPrefix": "oidc:"},
    },
}
PLATFORM = Platform.model_validate(SPEC)


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


def params(**spec: Any) -> dict[str, str]:
    data: dict[str, str] = guardrails.params(PLATFORM, tenant(**spec), "team-a")["data"]
    return data


def documents(folder: str) -> list[Object]:
    files = sorted((POLICIES / folder).glob("*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def of_kind(kind: str) -> list[Object]:
    return [obj for folder in FOLDERS for obj in documents(folder) if obj["kind"] == kind]


POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"


@pytest.mark.parametrize("folder", FOLDERS)
def test_has_objects_to_admit_and_to_refuse(folder: str) -> None:
    assert list((POLICIES / folder / "admit").glob("*.yaml"))
    assert list((POLICIES / folder / "refuse").glob("*.yaml"))
    assert (POLICIES / folder / "README.md").read_text().startswith(f"# manor-{folder}\n")


def test_every_folder_is_a_policy() -> None:
    assert (
        sorted(p.name for p in POLICIES.iterdir() if p.is_dir() and p.name != "__pycache__")
        == FOLDERS
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_policy_is_named_like_its_folder_and_bound(folder: str) -> None:
    found = [obj for obj in documents(folder) if obj["kind"] == POLICY]
    bound = [obj for obj in documents(folder) if obj["kind"] == BINDING]
    assert [obj["metadata"]["name"] for obj in found] == [f"manor-{folder}"]
    assert bound
    assert {obj["spec"]["policyName"] for obj in bound} == {f"manor-{folder}"}


def test_nothing_fails_open() -> None:
    assert {
        obj["spec"]["failurePolicy"] for obj in of_kind(POLICY) + of_kind("MutatingAdmissionPolicy")
    } == {"Fail"}
    assert {tuple(obj["spec"]["validationActions"]) for obj in of_kind(BINDING)} == {("Deny",)}


def test_new_objects_need_the_params() -> None:
    """Only a change to an existing object may pass without a ConfigMap, or a namespace could not be
    deleted."""
    for binding in of_kind(BINDING):
        reference = binding["spec"].get("paramRef")
        if reference is None:
            continue
        operations = [
            op
            for rule in binding["spec"]["matchResources"]["resourceRules"]
            for op in rule["operations"]
        ]
        allowed = reference["parameterNotFoundAction"]
        assert reference["name"] == GUARDRAILS
        assert (operations, allowed) in [(["CREATE"], "Deny"), (["UPDATE"], "Allow")]


def test_parameterised_policies_are_bound_for_both() -> None:
    bound = defaultdict(set)
    for binding in of_kind(BINDING):
        bound[binding["spec"]["policyName"]].add(binding["metadata"]["name"])
    for policy in of_kind(POLICY):
        name = policy["metadata"]["name"]
        assert bound[name] == (
            {name, f"{name}-update"} if "paramKind" in policy["spec"] else {name}
        )


def test_one_name_one_meaning() -> None:
    """A variable that several policies share is written once, or the same in each."""
    meanings = defaultdict(set)
    for policy in guardrails.policies(PLATFORM):
        for variable in policy["spec"].get("variables", []):
            meanings[variable["name"]].add(variable["expression"])
    shared = yaml.safe_load((POLICIES / "shared.yaml").read_text())["variables"]
    names_of = {variable["name"] for group in shared.values() for variable in group} | {
        "tenant",
        "pod",
    }
    assert {name for name in names_of if len(meanings[name]) != 1} == set()


def test_every_policy_knows_who_acts() -> None:
    assert [
        p for p in of_kind(POLICY) if p["spec"]["variables"][0] != {"include": "who-acts"}
    ] == []


def test_policies_of_pods_look_at_the_same_kinds() -> None:
    whole = {"manor-pods", "manor-pod-fields", "manor-images", "manor-gpu"}
    first = {
        obj["metadata"]["name"]: obj["spec"]["matchConstraints"]["resourceRules"][0]
        for obj in of_kind(POLICY)
        if obj["metadata"]["name"] in whole
    }
    assert set(first) == whole
    assert all(rule == {"include": "pod-makers"} for rule in first.values())


def test_refusals_say_whom_to_ask() -> None:
    for policy in of_kind(POLICY):
        for validation in policy["spec"]["validations"]:
            assert "variables.contact" in validation["messageExpression"], validation["expression"]


def test_contact_is_the_platforms() -> None:
    contacts = {
        variable["expression"]
        for obj in guardrails.policies(PLATFORM)
        for variable in obj["spec"].get("variables", [])
        if variable["name"] == "contact"
    }
    assert contacts == {r'''"the \"platform\" team's channel"'''}


def test_parts_of_jobs_are_made_by_the_controllers_of_tools() -> None:
    """JobSet's, say, whose rights to write Jobs are by namespace."""
    tools = Toolset((shipped()["jobset"],))
    (policy,) = (
        obj
        for obj in guardrails.policies(PLATFORM, tools)
        if obj["metadata"]["name"] == "manor-queues" and obj["kind"] == POLICY
    )
    (maker,) = (v["expression"] for v in policy["spec"]["variables"] if v["name"] == "makesParts")
    assert '"system:serviceaccount:jobset-system:jobset-controller"' in maker


def test_nothing_is_left_to_fill_in() -> None:
    rendered = yaml.safe_dump_all(guardrails.policies(PLATFORM))
    assert "${" not in rendered
    assert "include:" not in rendered


def differences(one: Any, other: Any) -> int:
    """In how many places two objects differ; a field in another's place is one, and so is an item
    too many."""
    if isinstance(one, dict) and isinstance(other, dict):
        own, foreign = one.keys() - other.keys(), other.keys() - one.keys()
        return max(len(own), len(foreign)) + sum(
            differences(one[key], other[key]) for key in one.keys() & other.keys()
        )
    if isinstance(one, list) and isinstance(other, list):
        return abs(len(one) - len(other)) + sum(map(differences, one, other))
    return int(one != other)


@pytest.mark.parametrize("case", cases("refuse"), ids=lambda case: case.id)
def test_refused_object_differs_in_one_thing(case: Case) -> None:
    """From an admitted one; or it is the same, and another user may not do what its owner may, or
    not store what a dry run may say."""
    assert case.directives["expect"]
    if not {"patch", "delete"} & case.directives.keys():
        admitted = [c for c in cases("admit") if c.policy == case.policy]
        assert (
            min(
                differences(case.object, c.object)
                or int(case.user != c.user)
                or int(case.directives.keys() != c.directives.keys() | {"expect"})
                for c in admitted
            )
            == 1
        )


def test_members_by_kind_and_namespace() -> None:
    listed = [
        {"kind": "Group", "name": "ml"},
        {"kind": "ServiceAccount", "name": "ci", "namespace": "ops"},
    ]
    assert params(members=listed)["members"].split("\n") == [
        "Group:oidc:ml",
        "ServiceAccount:ops:ci",
        "User:ada",
    ]


def test_namespaces_are_the_declared_ones_and_the_slots() -> None:
    data = params(namespaces=[{"name": "one"}, {"name": "two"}], maxNamespaces=2)
    assert data["namespaces"] == "one,team-a,team-a-1,team-a-2,two"


def test_no_gpu_nothing_of_gpus() -> None:
    data = params()
    assert (data["gpu-resources"], data["node-labels"], data["tolerations"]) == ("", "", "")


def test_gpu_flavors() -> None:
    data = params(gpu={"borrow": 1, "flavors": ["h100"]})
    assert data["gpu-resources"] == "nvidia.com/gpu"
    assert data["node-labels"] == "gpu=h100"
    assert data["tolerations"] == "h100,nvidia.com/gpu"


def annotations(platform: dict[str, Any], **spec: Any) -> dict[str, str]:
    whole = Platform.model_validate({**SPEC, "spec": {**SPEC["spec"], **platform}})
    return metadata.namespace_annotations(whole, tenant(**spec))


def test_keys_are_the_platforms_unless_the_tenant_has_its_own() -> None:
    platform = {
        "metadata": {"keys": ["b.example/*", "a.example/x"]},
        "services": {"annotations": ["c.example/y"]},
    }
    assert annotations(platform) == {
        "manor.dev/metadata-keys": "a.example/x,b.example/*",
        "manor.dev/service-annotations": "c.example/y",
    }
    assert annotations(platform, metadataKeys=["a.example/x"], serviceAnnotations=[]) == {
        "manor.dev/metadata-keys": "a.example/x"
    }


@pytest.mark.parametrize(
    "key",
    [
        "*",
        "manor.dev/*",
        "x.manor.dev/tenant",
        "applyset.kubernetes.io/part-of",
        "pod-security.kubernetes.io/*",
        "a,b/c",
    ],
)
def test_nobody_may_allow_what_isolation_hangs_on(key: str) -> None:
    for where in ({"metadata": {"keys": [key]}}, {"services": {"annotations": [key]}}):
        with pytest.raises(ValidationError):
            annotations(where)
    with pytest.raises(ValidationError):
        annotations({}, metadataKeys=[key])


@pytest.mark.parametrize(
    ("given", "compared"),
    [
        ("registry.example.com", "registry.example.com"),
        ("Registry.Example.com/ML/", "registry.example.com/ML"),
        ("localhost:5000", "localhost:5000"),
        ("localhost", "localhost"),
        ("docker.io", "docker.io"),
        ("index.docker.io/bitnami", "docker.io/bitnami"),
        ("bitnami", "docker.io/bitnami"),
        ("library/python", "docker.io/library/python"),
    ],
)
def test_registry_is_written_out(given: str, compared: str) -> None:
    assert guardrails.registry(given) == compared
