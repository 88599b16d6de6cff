"""What people of a tenant write onto objects: it is not believed, and it holds up nothing of
anybody's."""

import time
from typing import Any

import pytest

from applied import exists, fates, gone
from manor.apply import Action, Inventory, Options, Owned, Refused, apply, delete, plan, revoke
from manor.kube import Client, NotFound, Object
from manor.objectset.applyset import ID_LABEL, PART_OF
from waiting import until

pytestmark = pytest.mark.integration

RBAC = "rbac.authorization.k8s.io"
API = "manor.test/v1"


def binding(area: Any, *people: str, name: str = "editors", place: str = "") -> Object:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": area.place(place)},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": person} for person in people],
    }


async def bound(client: Client, area: Any, name: str = "editors") -> set[str]:
    try:
        live = await client.get(f"{RBAC}/v1", "RoleBinding", name, area.name)
    except NotFound:
        return set()
    return {subject["name"] for subject in live.get("subjects", [])}


def labelled(obj: Object, **labels: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


@pytest.fixture(scope="module")
async def boxes(client: Client) -> None:
    """A kind of parents in a namespace, which its people write themselves."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "boxes.manor.test"},
        "spec": {
            "group": "manor.test",
            "scope": "Namespaced",
            "names": {"kind": "Box", "plural": "boxes"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
    assert (await apply(client, [crd], Inventory("boxes", "manor-inventories"))).ok


def box(area: Any, name: str = "box") -> tuple[Inventory, Object]:
    owned = Owned(frozenset({("", "ConfigMap"), ("", "PersistentVolumeClaim")}), (("box", name),))
    parent = {
        "apiVersion": API,
        "kind": "Box",
        "metadata": {"name": name, "namespace": area.name},
        "spec": {},
    }
    return Inventory(name, area.name, API, "Box", owned), parent


async def test_a_label_makes_no_member_outside_the_sets_namespaces(
    client: Client, area: Any
) -> None:
    forged = {PART_OF: area.inventory.id}
    await apply(client, [area.namespace(), area.config("c"), area.claim("v")], area.inventory)
    await client.create(area.namespace("red", labels=forged))
    theirs = [labelled(make("theirs", place="red"), **forged) for make in (area.config, area.claim)]
    for obj in theirs:
        await client.create(obj)
    objects = [area.namespace(), area.config("c"), area.claim("v")]
    assert set(fates(await plan(client, objects, area.inventory)).values()) == {"unchanged"}
    assert set(fates(await apply(client, objects, area.inventory)).values()) == {"unchanged"}
    # A claim that something holds would keep a deletion waiting for ever.
    await client.patch(
        "v1",
        "ConfigMap",
        "theirs",
        {"metadata": {"finalizers": ["a/b"]}},
        namespace=area.place("red"),
    )
    result = await delete(client, area.inventory, Options(delete_data=True, timeout=60))
    assert result.ok
    assert all([await exists(client, obj) for obj in [*theirs, area.namespace("red")]])
    await client.patch(
        "v1", "ConfigMap", "theirs", {"metadata": {"finalizers": None}}, namespace=area.place("red")
    )


@pytest.mark.parametrize("label", [PART_OF, "app.kubernetes.io/managed-by"])
async def test_a_relabelled_member_is_put_right_and_holds_up_nothing(
    client: Client, area: Any, label: str
) -> None:
    claim = labelled(area.claim("models"), **{"app.kubernetes.io/managed-by": "manor"})
    await apply(client, [area.namespace(), claim, binding(area, "ada", "bob")], area.inventory)
    patch = {"metadata": {"labels": {label: "other"}}}
    await client.patch("v1", "PersistentVolumeClaim", "models", patch, namespace=area.name)
    result = await apply(client, [area.namespace(), claim, binding(area, "ada")], area.inventory)
    assert result.ok, result.having(Action.REFUSE, Action.CONFLICT, Action.FAIL)
    assert await bound(client, area) == {"ada"}
    live = await client.get("v1", "PersistentVolumeClaim", "models", area.name)
    assert live["metadata"]["labels"][PART_OF] == area.inventory.id
    assert live["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "manor"


@pytest.mark.parametrize(
    "how", ["conflict", "squatted", "failing", "refused-namespace", "removed-binding"]
)
async def test_a_right_is_taken_away_whatever_else_happens(
    client: Client, area: Any, how: str
) -> None:
    await client.create(area.namespace("home"))
    base = [area.namespace(), area.config("c")]
    await apply(client, [*base, binding(area, "ada", "bob")], area.inventory)
    wanted = [*base, binding(area, "ada", "eve")]
    if how == "conflict":
        await client.patch("v1", "ConfigMap", "c", {"data": {"key": "theirs"}}, namespace=area.name)
    elif how == "squatted":
        await client.create(area.config("squatted"))
        wanted.append(area.config("squatted"))
    elif how == "failing":
        wanted.append({**area.config("bad"), "data": {"key": 5}})
    elif how == "refused-namespace":
        wanted.append(area.namespace("home"))
    else:
        wanted = [*base, {**area.config("bad"), "data": {"key": 5}}]
    if how in ("squatted", "refused-namespace"):
        with pytest.raises(Refused, match="nothing else was changed"):
            await apply(client, wanted, area.inventory)
    else:
        assert not (await apply(client, wanted, area.inventory)).ok
    # Nobody is let in meanwhile: what failed may be a guard.
    assert await bound(client, area) == (set() if how == "removed-binding" else {"ada"})


async def test_rights_are_taken_away_where_nothing_else_can_be_applied(
    client: Client, area: Any
) -> None:
    await apply(client, [area.namespace(), binding(area, "ada", "bob")], area.inventory)
    result = await revoke(
        client, [area.namespace(), binding(area, "ada"), area.config("new")], area.inventory
    )
    assert fates(result) == {"RoleBinding/editors": "update"}
    assert await bound(client, area) == {"ada"}
    assert not await exists(client, area.config("new"))


async def test_a_deletion_takes_the_rights_first(client: Client, area: Any) -> None:
    held = area.config("held")
    held["metadata"]["finalizers"] = ["example.com/held"]
    await apply(client, [area.namespace(), held, binding(area, "ada")], area.inventory)
    with pytest.raises(Exception, match="not gone after"):
        await delete(client, area.inventory, Options(timeout=1))
    assert await bound(client, area) == set()
    await client.patch(
        "v1", "ConfigMap", "held", {"metadata": {"finalizers": None}}, namespace=area.name
    )


async def test_a_guard_that_was_changed_is_put_right(client: Client, area: Any) -> None:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": area.name},
        "automountServiceAccountToken": False,
    }
    await apply(client, [area.namespace(), account], area.inventory)
    edit = {"automountServiceAccountToken": True}
    await client.patch("v1", "ServiceAccount", "default", edit, namespace=area.name)
    assert (await apply(client, [area.namespace(), account], area.inventory)).ok
    live = await client.get("v1", "ServiceAccount", "default", area.name)
    assert live["automountServiceAccountToken"] is False


async def test_a_network_is_closed_although_something_fails(client: Client, area: Any) -> None:
    def policy(name: str) -> Object:
        meta = {"name": name, "namespace": area.name}
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": meta,
            "spec": {"podSelector": {}},
        }

    await apply(
        client,
        [area.namespace(), policy("deny"), policy("egress"), area.config("old")],
        area.inventory,
    )
    bad = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "bad", "namespace": area.name},
        "spec": {"ports": []},
    }
    bad["spec"] = {"ports": [{"port": 0}]}
    result = await apply(client, [area.namespace(), policy("deny"), bad], area.inventory)
    assert not result.ok
    assert not await exists(client, policy("egress"))
    assert await exists(client, area.config("old"))


async def test_nothing_on_a_parent_in_a_namespace_is_believed(
    client: Client, area: Any, boxes: None
) -> None:
    inventory, parent = box(area)
    await client.create(area.namespace())
    member = labelled(area.config("member"), box="box")
    assert (await apply(client, [member], inventory, parent=parent)).ok
    junk = ",".join(f"K{number}.x{number}.example.com" for number in range(3000))
    annotations = {
        "applyset.kubernetes.io/tooling": "helm/v3",
        "applyset.kubernetes.io/contains-group-kinds": junk,
        "applyset.kubernetes.io/additional-namespaces": "default,kube-system",
    }
    patch = {"metadata": {"labels": {ID_LABEL: "another"}, "annotations": annotations}}
    await client.patch(API, "Box", "box", patch, namespace=area.name)
    began = time.monotonic()
    result = await apply(
        client, [labelled(area.config("member", key="new"), box="box")], inventory, parent=parent
    )
    assert fates(result) == {"Box/box": "unchanged", "ConfigMap/member": "update"}
    assert time.monotonic() - began < 6
    live = await client.get("v1", "ConfigMap", "member", area.name)
    assert not any("applyset" in key for key in live["metadata"]["labels"])


async def test_what_a_parent_became_goes_with_it_but_not_data(
    client: Client, area: Any, boxes: None
) -> None:
    inventory, parent = box(area)
    await client.create(area.namespace())
    objects = [labelled(area.config("member"), box="box"), labelled(area.claim("data"), box="box")]
    assert (await apply(client, objects, inventory, parent=parent)).ok
    assert set(fates(await apply(client, objects, inventory, parent=parent)).values()) == {
        "unchanged"
    }
    first = (await client.get("v1", "ConfigMap", "member", area.name))["metadata"][
        "ownerReferences"
    ]
    await client.delete(API, "Box", "box", area.name)
    assert (
        await apply(client, objects, inventory, parent=parent)
    ).ok  # another parent of the same name
    left = area.config("left")
    await client.create({**left, "metadata": {**left["metadata"], "ownerReferences": first}})
    await until("the collector has looked for what the first one left", lambda: gone(client, left))
    owner = (await client.get(API, "Box", "box", area.name))["metadata"]["uid"]
    live = await client.get("v1", "ConfigMap", "member", area.name)
    assert [ref["uid"] for ref in live["metadata"]["ownerReferences"]] == [owner]
    await client.delete(API, "Box", "box", area.name)
    await until("what the parent became is gone", lambda: gone(client, objects[0]))
    assert await exists(client, objects[1])


async def test_a_squatted_name_stops_its_own_set_alone(
    client: Client, area: Any, boxes: None
) -> None:
    await client.create(area.namespace())
    await client.create(area.config("box-canary", key="theirs"))
    inventory, parent = box(area)
    wanted = [
        labelled(area.config("box"), box="box"),
        labelled(area.config("box-canary"), box="box"),
    ]
    with pytest.raises(Refused, match="delete or rename it, or, to take it over, adopt it"):
        await apply(client, wanted, inventory, parent=parent)
    assert not await exists(client, wanted[0])
    other, its_parent = box(area, "other")
    assert (
        await apply(client, [labelled(area.config("other"), box="other")], other, parent=its_parent)
    ).ok
