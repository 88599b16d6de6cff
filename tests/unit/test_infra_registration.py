"""What is registered for a set of objects, decided without Pulumi."""

import json

import pytest

from manor.api import Tenant
from manor.engines import compile_specs
from manor.infra.registration import Registration, foundation_registrations, registrations
from manor.load import Specs, load
from manor.objectset.applyset import ID_LABEL, PART_OF
from manor.render import Object, render_foundation, spec_object
from manor.rollout.sets import foundation, inventory_of
from pulumi_programs import EXAMPLE

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def specs() -> Specs:
    return load([EXAMPLE])


def compiled(specs: Specs, kind: str, name: str) -> tuple[Object, list[Object]]:
    assert specs.platform
    for each in compile_specs(specs.platform, specs.tenants, specs.all):
        if (each.spec.kind, each.spec.metadata.name) == (kind, name):
            return spec_object(each.spec), each.objects
    raise LookupError(name)


def by_name(made: list[Registration]) -> dict[str, Registration]:
    return {one.name: one for one in made}


def waits_for(made: dict[str, Registration], name: str) -> set[str]:
    """All that `name` waits for, at any distance."""
    found: set[str] = set()
    left = list(made[name].after)
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += made[one].after
    return found


def test_every_object_is_registered_once_and_unchanged_but_for_labels_and_annotations(
    specs: Specs,
) -> None:
    spec, objects = compiled(specs, "Tenant", "tenant-a")
    made = registrations("tenant-a", spec, objects)
    assert len(made) == len(objects) + 2  # the Tenant and its marks
    assert len({one.name for one in made}) == len(made)
    rendered = {
        (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in objects
    }
    for one in made[2:]:
        meta = one.body["metadata"]
        source = rendered[one.body["kind"], meta.get("namespace"), meta["name"]]
        assert {k: v for k, v in one.body.items() if k != "metadata"} == {
            k: v for k, v in source.items() if k != "metadata"
        }
        assert meta["labels"].items() >= source["metadata"]["labels"].items()
        added = meta["labels"].keys() - source["metadata"]["labels"].keys()
        assert added == {"applyset.kubernetes.io/part-of"}
        said = source["metadata"].get("annotations", {})
        assert meta["annotations"].items() >= said.items()
        assert all(
            key.startswith("pulumi.com/") for key in meta["annotations"].keys() - said.keys()
        )


def test_guards_come_before_what_they_guard(specs: Specs) -> None:
    spec, objects = compiled(specs, "Tenant", "tenant-a")
    made = by_name(registrations("a", spec, objects))
    order = list(made)
    assert all(
        order.index(before) < order.index(name) for name in made for before in made[name].after
    )
    inside = {
        n: r.body["kind"]
        for n, r in made.items()
        if r.body["metadata"].get("namespace") == "tenant-a"
    }
    guards = {
        name
        for name, kind in inside.items()
        if kind in ("NetworkPolicy", "LimitRange", "ConfigMap")
    }
    assert len(guards) >= 6
    quota, volume = (
        "a:ResourceQuota/tenant-a/manor-quota",
        "a:PersistentVolumeClaim/tenant-a/models",
    )
    people = {name for name, kind in inside.items() if kind == "RoleBinding"}
    assert people
    assert guards <= waits_for(made, quota)
    for deferred in {volume} | people:
        assert guards | {quota} <= waits_for(made, deferred)
    for name in guards:
        assert "a:Namespace/tenant-a" in waits_for(made, name)
    for name in made.keys() - {"a:Tenant/tenant-a", "a:Tenant/tenant-a:marks"}:
        assert "a:Tenant/tenant-a:marks" in waits_for(made, name)
    assert made[quota].timeout == "10m"


def test_a_role_is_there_before_it_is_bound(specs: Specs) -> None:
    made = by_name(registrations("a", *compiled(specs, "Tenant", "tenant-a")))
    bound = {
        (name, f"a:Role/{one.body['metadata']['namespace']}/{one.body['roleRef']['name']}")
        for name, one in made.items()
        if one.body["kind"] == "RoleBinding" and one.body["roleRef"]["kind"] == "Role"
    }
    assert bound
    assert all(role in waits_for(made, binding) for binding, role in bound)


def test_volumes_and_their_namespace_are_kept_unless_told_otherwise(specs: Specs) -> None:
    spec, objects = compiled(specs, "Tenant", "tenant-a")
    kept = {"a:PersistentVolumeClaim/tenant-a/models", "a:Namespace/tenant-a"}
    careful = by_name(registrations("a", spec, objects))
    assert {n for n, r in careful.items() if r.protect} == kept
    shields = {
        "a:ConfigMap/tenant-a/manor-guardrails",
        "a:NetworkPolicy/tenant-a/manor-default-deny",
        "a:ServiceAccount/tenant-a/default",
    }
    limits = {"a:LimitRange/tenant-a/manor-limits", "a:ResourceQuota/tenant-a/manor-quota"}
    assert {n for n, r in careful.items() if r.retain} == kept | shields | limits
    # Deleted with a namespace that stays would mean: never.
    assert not [n for n, r in careful.items() if r.deleted_with]

    told = by_name(registrations("a", spec, objects, delete_data=True))
    assert not [n for n, r in told.items() if r.protect or r.retain]
    inside = {n for n, r in told.items() if r.body["metadata"].get("namespace") == "tenant-a"}
    assert {n for n, r in told.items() if r.deleted_with == "a:Namespace/tenant-a"} == inside


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("batch.volcano.sh/v1alpha1", "Job"),
        ("crd.projectcalico.org/v1", "NetworkPolicy"),
        ("example.com/v1", "PersistentVolumeClaim"),
        ("example.com/v1", "ResourceQuota"),
        ("example.com/v1", "Secret"),
        ("mlops.seldon.io/v1alpha1", "Model"),
        ("networking.istio.io/v1", "Gateway"),
    ],
)
def test_a_kind_of_another_group_is_like_any_other(
    specs: Specs, api_version: str, kind: str
) -> None:
    spec, objects = compiled(specs, "Tenant", "tenant-a")
    meta = {"name": "x", "namespace": "tenant-a"}
    stranger = {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": {}, "data": {}}
    added = by_name(registrations("a", spec, [*objects, stranger]))[f"a:{kind}/tenant-a/x"]
    assert added.after == ("a:ResourceQuota/tenant-a/manor-quota",)
    assert (added.protect, added.retain, added.secret, added.timeout) == (False, False, (), None)
    assert not added.body["metadata"]["annotations"].keys() & {
        "pulumi.com/skipAwait",
        "pulumi.com/waitFor",
    }


def test_definitions_of_kinds_are_left_on_the_cluster() -> None:
    made = by_name(foundation_registrations("manor", render_foundation()))
    definitions = {n for n, r in made.items() if r.body["kind"] == "CustomResourceDefinition"}
    assert definitions
    assert {n for n, r in made.items() if r.retain} == definitions


def test_the_foundation_starts_with_the_namespace_of_its_inventory() -> None:
    made = foundation_registrations("manor", render_foundation())
    assert [one.name for one in made[:2]] == [
        "manor:Namespace/manor-system",
        "manor:ConfigMap/manor-system/manor",
    ]
    everything = by_name(made)
    for one in made[2:]:
        assert "manor:Namespace/manor-system" in waits_for(everything, one.name)


def test_one_field_manager_writes_every_object(specs: Specs) -> None:
    spec, objects = compiled(specs, "Tenant", "tenant-b")
    managers = {
        r.name: r.body["metadata"]["annotations"].get("pulumi.com/patchFieldManager")
        for r in registrations("b", spec, objects)
    }
    assert managers.pop("b:Tenant/tenant-b:marks") is None
    assert set(managers.values()) == {"manor"}


def test_only_what_makes_pods_is_deleted_after_what_it_made(specs: Specs) -> None:
    slow = set()
    for kind, name in (("TrainingJob", "train-iris"), ("Tenant", "tenant-a"), ("Model", "iris")):
        for one in registrations("x", *compiled(specs, kind, name)):
            if (
                one.body["metadata"]["annotations"].get("pulumi.com/deletionPropagationPolicy")
                != "background"
            ):
                slow.add(one.body["kind"] if not one.type.endswith("Patch") else "Patch")
    assert slow == {"Job", "Deployment", "Patch"}


def test_what_takes_long_is_not_waited_for(specs: Specs) -> None:
    for kind, name, waiting in (
        ("TrainingJob", "train-iris", {"Job", "TrainingJob"}),
        ("Tenant", "tenant-a", {"PersistentVolumeClaim"}),
        ("Model", "iris", set()),
    ):
        made = registrations("x", *compiled(specs, kind, name))
        skipped = {
            r.body["kind"]
            for r in made
            if "pulumi.com/skipAwait" in r.body["metadata"]["annotations"]
        }
        assert skipped == waiting


def test_a_route_leads_to_servers_that_answer(specs: Specs) -> None:
    made = by_name(registrations("x", *compiled(specs, "Model", "iris")))
    before = waits_for(made, "x:HTTPRoute/tenant-a/iris")
    assert {"x:Deployment/tenant-a/iris", "x:SecurityPolicy/tenant-a/iris"} <= before


def test_the_service_account_that_kubernetes_makes_is_patched(specs: Specs) -> None:
    made = by_name(registrations("a", *compiled(specs, "Tenant", "tenant-a")))
    account = made["a:ServiceAccount/tenant-a/default"]
    assert account.type == "kubernetes:core/v1:ServiceAccountPatch"
    assert {r.name for r in made.values() if r.type.endswith("Patch")} == {
        account.name,
        "a:Tenant/tenant-a:marks",
    }


def test_secrets_are_marked(specs: Specs) -> None:
    spec, _ = compiled(specs, "Tenant", "tenant-a")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "n"},
        "stringData": {},
    }
    assert registrations("a", spec, [secret])[-1].secret == ("stringData",)


def test_the_order_of_objects_changes_no_name(specs: Specs) -> None:
    spec, objects = compiled(specs, "Tenant", "tenant-a")
    forward = {(r.name, r.type) for r in registrations("a", spec, objects)}
    assert forward == {(r.name, r.type) for r in registrations("a", spec, list(reversed(objects)))}


def test_dropping_an_object_changes_no_other(specs: Specs) -> None:
    spec, objects = compiled(specs, "Tenant", "tenant-a")
    stack = by_name(registrations("a", spec, objects))
    for index in range(len(objects)):
        rest = by_name(registrations("a", spec, [*objects[:index], *objects[index + 1 :]]))
        assert rest.keys() < stack.keys()
        assert len(rest) == len(stack) - 1


def test_the_set_is_the_one_that_apply_knows(specs: Specs) -> None:
    spec, objects = compiled(specs, "Tenant", "tenant-a")
    _, marks, *members = registrations("a", spec, objects)
    inventory = inventory_of(Tenant.model_validate(spec))
    assert marks.body["metadata"]["labels"] == {ID_LABEL: inventory.id}
    assert {one.body["metadata"]["labels"][PART_OF] for one in members} == {inventory.id}
    parent = by_name(foundation_registrations("manor", render_foundation()))[
        "manor:ConfigMap/manor-system/manor"
    ]
    assert parent.body["metadata"]["labels"] == {ID_LABEL: foundation().inventory.id}


def test_marks_name_every_kind_and_namespace(specs: Specs) -> None:
    spec = Tenant.model_validate(
        {
            **compiled(specs, "Tenant", "tenant-a")[0],
            "spec": {"owners": [{"name": "x"}], "namespaces": [{"name": "b"}]},
        }
    )
    assert specs.platform
    (only,) = compile_specs(specs.platform, {spec.name: spec}, [spec])
    _, marks, *_ = registrations("x", spec_object(spec), only.objects)
    annotations = marks.body["metadata"]["annotations"]
    assert (
        annotations["applyset.kubernetes.io/additional-namespaces"]
        == "b,envoy-gateway-system,manor-front,manor-system"
    )
    kinds = annotations["applyset.kubernetes.io/contains-group-kinds"].split(",")
    assert {
        "Namespace",
        "Gateway.gateway.networking.k8s.io",
        "RoleBinding.rbac.authorization.k8s.io",
    } <= set(kinds)
    assert kinds == sorted(kinds)


def test_a_quota_is_waited_for_until_it_counts_everything(specs: Specs) -> None:
    made = by_name(registrations("a", *compiled(specs, "Tenant", "tenant-a")))
    quota = made["a:ResourceQuota/tenant-a/manor-quota"].body
    paths = json.loads(quota["metadata"]["annotations"]["pulumi.com/waitFor"])
    assert paths == [f"jsonpath={{.status.used['{key}']}}" for key in quota["spec"]["hard"]]
    assert "jsonpath={.status.used['count/models.manor.dev']}" in paths
