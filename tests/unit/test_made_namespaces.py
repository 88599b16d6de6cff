"""A namespace that a tenant's owners made is the tenant's, by its name and its label together."""

from typing import Any

import pytest

from engine_specs import platform
from manor.api import API_VERSION, Tenant
from manor.api.wellknown import PROBE_LABEL, TENANT_LABEL
from manor.load import Document, Specs, made_for, specs_from
from manor.objectset.kinds import NAMESPACE
from manor.objectset.references import Ref
from manor.render import spec_object
from manor.render.quota import divide
from manor.rollout.sets import inventory_of

pytestmark = pytest.mark.unit


def tenant(name: str = "vision", **spec: Any) -> Tenant:
    whole = {"owners": [{"name": "ada"}], "quota": {"cpu": "9"}, **spec}
    given = {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": whole}
    return Tenant.model_validate(given)


def namespace(name: str, label: str | None, **meta: Any) -> dict[str, Any]:
    labels = {"manor.dev/tenant": label} if label is not None else None
    return {"metadata": {"name": name, "labels": labels, **meta}}


@pytest.mark.parametrize(
    ("name", "label", "owner"),
    [
        ("vision-1", "vision", "vision"),
        ("a.b-1", "a.b", "a.b"),
        ("axb-1", "a.b", ""),
        ("vision-1", "speech", ""),
        ("speech-1", "vision", ""),
        ("vision-01", "vision", ""),
        ("vision-1x", "vision", ""),
        ("vision", "vision", ""),
        ("vision-1", None, ""),
        ("-1", "", ""),
    ],
)
def test_name_and_label_say_whose_it_is(name: str, label: str | None, owner: str) -> None:
    assert made_for(namespace(name, label)) == owner


def test_what_is_being_deleted_is_no_longer_made() -> None:
    going = namespace("vision-1", "vision", deletionTimestamp="2026-12-01T00:00:00Z")
    assert made_for(going) == ""


def test_no_more_are_taken_than_owners_may_make() -> None:
    made = tenant(maxNamespaces=2).with_made(["vision-3", "vision-2", "speech-1"])
    assert [space.name for space in made.namespaces] == ["vision", "vision-2"]
    assert made.namespace_slots == ["vision-1", "vision-2"]  # owners may delete it still


def test_its_share_is_one_unless_the_file_says_otherwise() -> None:
    made = tenant(namespaces=[{"name": "vision", "share": 2}]).with_made(["vision-1"])
    shares = {name: hard["requests.cpu"] for name, hard in divide(platform(), made).items()}
    assert shares == {"vision": "6", "vision-1": "3"}
    spaces = [{"name": "vision"}, {"name": "vision-1", "share": 8}]
    named = tenant(namespaces=spaces).with_made(["vision-1"])
    assert [(space.name, space.share) for space in named.namespaces] == [
        ("vision", 1),
        ("vision-1", 8),
    ]


def test_it_is_no_part_of_what_the_author_said() -> None:
    plain = tenant()
    made = plain.with_made(["vision-1"])
    assert spec_object(made) == spec_object(plain)
    assert [space.name for space in plain.namespaces] == ["vision"]
    assert inventory_of(made).adopts == {Ref(*NAMESPACE, "", "vision-1")}


def test_a_file_gets_what_is_on_the_cluster() -> None:
    document = Document(spec_object(tenant()), "file", {(): 0})
    known = Specs(platform(), namespaces={"vision-1": "vision"}, made={"vision": {"vision-1"}})
    (found,) = specs_from([document], known=known).tenants.values()
    assert [space.name for space in found.namespaces] == ["vision", "vision-1"]


def test_what_verify_made_is_left_as_it_is() -> None:
    labels = {TENANT_LABEL: "vision"}
    assert made_for({"metadata": {"name": "vision-1", "labels": labels}}) == "vision"
    probed = {**labels, PROBE_LABEL: "run"}
    assert made_for({"metadata": {"name": "vision-1", "labels": probed}}) == ""
