"""References, and the marks of an ApplySet."""

import pytest

from manor import __version__
from manor.objectset.applyset import GROUP_KINDS, NAMESPACES, TOOLING, Scope, with_labels
from manor.objectset.inventory import Inventory, Owned
from manor.objectset.kinds import defined_kinds, kind_of
from manor.objectset.references import Ref, is_default_account, is_namespace, ref_of

pytestmark = pytest.mark.unit

TENANT = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "Tenant",
    "metadata": {"name": "a", "labels": {"x": "y"}},
}
WEB = Ref("apps", "Deployment", "a", "web")


def test_the_id_is_that_of_the_enhancement() -> None:
    # applyset-<base64url(sha256("<name>.<namespace>.<kind>.<group>"))>-v1
    assert (
        Inventory("name", "ns", "v1", "ConfigMap").id
        == "applyset-42YS2ob3sik94RyWjkwp4PH1yZS6H5k6StaopNs0l5I-v1"
    )


def test_an_object_is_the_parent_of_its_inventory() -> None:
    assert Inventory.of(TENANT) == Inventory("a", "", "manor.dev/v1alpha1", "Tenant")
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "manor", "namespace": "manor-system"},
    }
    assert Inventory.of(config_map) == Inventory("manor")


def test_the_parent_bears_nothing_but_its_marks() -> None:
    inventory = Inventory("a", "home")
    scope = Scope.of([WEB, Ref("", "Secret", "home", "s"), Ref("", "Namespace", "", "b")])
    parent = inventory.marked_parent(scope)
    assert ref_of(parent) == inventory.ref
    assert parent["metadata"] == {
        "name": "a",
        "namespace": "home",
        "labels": {"applyset.kubernetes.io/id": inventory.id},
        "annotations": {
            TOOLING: f"manor/v{__version__}",
            GROUP_KINDS: "Deployment.apps,Namespace,Secret",
            NAMESPACES: "a,b",
        },
    }
    assert "namespace" not in Inventory.of(TENANT).marked_parent(scope)["metadata"]


def test_a_scope_is_read_as_it_was_written() -> None:
    scope = Scope.of([WEB, Ref("", "Namespace", "", "b")])
    parent = Inventory("a", "home").marked_parent(scope)
    assert Scope.parse(parent["metadata"]["annotations"]) == scope
    assert Scope.parse({}) == Scope()


def test_scopes_join() -> None:
    scope = Scope.of([WEB, Ref("", "Namespace", "", "a")]) | Scope.of([Ref("", "Secret", "b", "s")])
    assert scope.group_kinds == {("apps", "Deployment"), ("", "Namespace"), ("", "Secret")}
    assert scope.namespaces == {"a", "b"}


def test_members_are_found_by_their_labels() -> None:
    inventory = Inventory("a")
    assert with_labels(TENANT, inventory.marks)["metadata"]["labels"] == {
        "x": "y",
        "applyset.kubernetes.io/part-of": inventory.id,
    }
    owned = Owned(frozenset({("apps", "Deployment")}), (("app", "a"), ("part", "b")))
    assert Inventory("a", "ns", "manor.dev/v1alpha1", "Model", owned).marks == {
        "app": "a",
        "part": "b",
    }


def test_a_reference_is_by_group() -> None:
    assert ref_of(TENANT) == Ref("manor.dev", "Tenant", "", "a")
    assert is_namespace(Ref("", "Namespace", "", "a"))
    assert not is_namespace(Ref("example.com", "Namespace", "", "a"))
    assert is_default_account(Ref("", "ServiceAccount", "a", "default"))
    assert not is_default_account(Ref("", "ServiceAccount", "a", "other"))
    assert not is_default_account(
        Ref("iam.cnrm.cloud.google.com", "ServiceAccount", "a", "default")
    )


def test_definitions_say_which_kinds_come() -> None:
    names = {
        "spec": {"group": "mlops.seldon.io", "names": {"kind": "Model"}, "scope": "Namespaced"}
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        **names,
    }
    other = {"apiVersion": "example.com/v1", "kind": "CustomResourceDefinition", **names}
    assert kind_of(definition) == ("apiextensions.k8s.io", "CustomResourceDefinition")
    assert defined_kinds([definition, TENANT]) == {("mlops.seldon.io", "Model"): True}
    assert not defined_kinds([other])
