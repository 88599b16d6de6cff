"""What goes, what stays, what is never lost sight of: pruning, deletion, interruption, waiting,
kubectl on our sets."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from applied import crd, exists, fates, parent_of
from manor.apply import (
    Action,
    Event,
    Finished,
    Inventory,
    InventoryError,
    NotReady,
    Options,
    Phase,
    Started,
    Waiting,
    apply,
    delete,
    plan,
)
from manor.kube import Client, NotFound, UnknownKind
from manor.objectset.applyset import GROUP_KINDS, ID_LABEL
from waiting import until

pytestmark = pytest.mark.integration


async def test_prune_takes_what_is_no_longer_wanted_and_nothing_else(
    client: Client, area: Any
) -> None:
    secret = {**area.config("s"), "kind": "Secret", "data": {}}
    stranger = area.config("stranger")
    await apply(
        client, [area.namespace(), area.config("a"), area.config("b"), secret], area.inventory
    )
    await client.create(stranger)
    result = await apply(client, [area.namespace(), area.config("a")], area.inventory)
    assert fates(result)["ConfigMap/b"] == fates(result)["Secret/s"] == "prune"
    assert not await exists(client, area.config("b"))
    assert not await exists(client, secret)
    assert await exists(client, area.config("a"))
    assert await exists(client, stranger)
    annotations = (await parent_of(client, area.inventory))["metadata"]["annotations"]
    assert annotations[GROUP_KINDS] == "ConfigMap,Namespace"


async def test_without_prune_nothing_goes_and_nothing_is_forgotten(
    client: Client, area: Any
) -> None:
    await apply(client, [area.namespace(), area.config("a")], area.inventory)
    await apply(client, [area.namespace()], area.inventory, Options(prune=False))
    assert await exists(client, area.config("a"))
    assert fates(await apply(client, [area.namespace()], area.inventory))["ConfigMap/a"] == "prune"


async def test_data_and_its_namespace_stay_without_consent(client: Client, area: Any) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": area.place("a")},
        "spec": {"podSelector": {}},
    }
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "r", "namespace": area.place("a")},
    }
    place_a = [
        area.namespace("a"),
        area.claim("data", place="a"),
        area.config("params", place="a"),
        policy,
        role,
    ]
    place_b = [area.namespace("b"), area.config("c", place="b")]
    await apply(client, [*place_a, *place_b], area.inventory)
    planned = await plan(client, [], area.inventory)
    result = await apply(client, [], area.inventory)
    assert fates(planned) == fates(result)
    told = {step.ref.name: step for step in result.having(Action.KEEP)}
    assert told.keys() == {"data", area.place("a"), "deny", "params"}
    assert (
        "holds the volume claims data; to delete it, delete data explicitly"
        in told[area.place("a")].message
    )
    # Policies that lose their parameters admit changes: they must outlive the rights of whoever is
    # still bound.
    assert {told[name].message for name in ("deny", "params")} == {
        "guards a namespace that is kept"
    }
    assert await exists(client, place_a[1])
    assert await exists(client, place_a[2])
    assert not await exists(client, role)
    assert not await exists(client, place_b[0])
    # What is kept stays in the inventory, so that consent can be given later.
    assert (await delete(client, area.inventory)).counts()[Action.KEEP] == 4
    result = await delete(client, area.inventory, Options(delete_data=True, timeout=60))
    assert result.counts() == {Action.PRUNE: 4}
    with pytest.raises(NotFound):
        await client.get("v1", "Namespace", area.place("a"))
    with pytest.raises(NotFound):
        await parent_of(client, area.inventory)


async def test_a_tenants_own_claim_keeps_its_namespace(client: Client, area: Any) -> None:
    await apply(client, [area.namespace(), area.config("c")], area.inventory)
    await client.create(area.claim("made-by-a-user"))
    result = await delete(client, area.inventory)
    assert fates(result) == {f"Namespace/{area.name}": "keep", "ConfigMap/c": "keep"}
    assert await exists(client, area.claim("made-by-a-user"))


async def test_a_crd_with_objects_stays_without_consent(client: Client, area: Any) -> None:
    definition = crd(area)
    thing = {
        "apiVersion": f"{area.name}.example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "x"},
    }
    made = await apply(client, [definition, thing], area.inventory)
    assert fates(made) == {
        f"CustomResourceDefinition/things.{area.name}.example.com": "create",
        "Thing/x": "create",
    }
    await client.create({**thing, "metadata": {"name": "of-a-user"}})
    kept = (await delete(client, area.inventory)).having(Action.KEEP)
    assert [(step.ref.kind, step.message.partition(";")[0]) for step in kept] == [
        ("CustomResourceDefinition", "has 1 object")
    ]
    await delete(client, area.inventory, Options(delete_data=True, timeout=30))
    with pytest.raises(NotFound):
        await client.get(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", f"things.{area.name}.example.com"
        )


@pytest.mark.parametrize("after", [1, 7, 20])
async def test_an_interrupted_run_loses_track_of_nothing(
    api_node: Any, client: Client, area: Any, after: int
) -> None:
    secrets = [{**area.config(f"s{number}"), "kind": "Secret", "data": {}} for number in range(20)]
    objects = [area.namespace(), *secrets, *(area.config(f"c{number}") for number in range(20))]
    done = 0

    def interrupt(event: Event) -> None:
        nonlocal done
        done += isinstance(event, Finished)
        if done == after:
            running.cancel()

    async with Client.connect(api_node.kubeconfig, concurrency=4) as slow:
        running = asyncio.create_task(apply(slow, objects, area.inventory, progress=interrupt))
        with pytest.raises(asyncio.CancelledError):
            await running
    made = [obj for obj in objects if await exists(client, obj)]
    assert after <= len(made) < len(objects)
    # Other kinds than before are wanted now: only the inventory knows that there may be Secrets.
    result = await apply(client, [area.namespace(), area.config("c0")], area.inventory)
    assert result.ok
    left = {obj["metadata"]["name"] for obj in objects if await exists(client, obj)}
    assert left == {area.name, "c0"}


async def test_an_interrupted_prune_goes_on(client: Client, area: Any) -> None:
    objects = [area.namespace(), *(area.config(f"c{number}") for number in range(30))]
    await apply(client, objects, area.inventory)

    def interrupt(event: Event) -> None:
        if isinstance(event, Finished) and event.step.action is Action.PRUNE:
            running.cancel()

    running = asyncio.create_task(apply(client, objects[:1], area.inventory, progress=interrupt))
    with pytest.raises(asyncio.CancelledError):
        await running
    await apply(client, objects[:1], area.inventory)
    assert [obj["metadata"]["name"] for obj in objects if await exists(client, obj)] == [area.name]


async def test_delete_waits_and_says_what_for(client: Client, area: Any) -> None:
    held = {**area.config("held")}
    held["metadata"]["finalizers"] = ["example.com/held"]
    await apply(client, [area.namespace(), held], area.inventory)
    events: list[Event] = []
    with pytest.raises(
        NotReady, match=r"ConfigMap .*/held: waits for the finalizers example\.com/held"
    ) as caught:
        await delete(client, area.inventory, Options(timeout=3), events.append)
    assert {pending.ref.kind for pending in caught.value.pending} == {"Namespace", "ConfigMap"}
    assert any(isinstance(event, Waiting) and event.pending for event in events)
    stages = [event.phase for event in events if isinstance(event, Started)]
    assert stages == [Phase.READ, Phase.DELETE]
    await client.patch(
        "v1", "ConfigMap", "held", {"metadata": {"finalizers": None}}, namespace=area.name
    )
    assert (await delete(client, area.inventory, Options(timeout=60))).ok
    with pytest.raises(NotFound):
        await client.get("v1", "Namespace", area.name)


async def test_what_is_being_deleted_cannot_be_applied(client: Client, area: Any) -> None:
    await apply(client, [area.namespace(), area.config("c")], area.inventory)
    held = {**area.config("held")}
    held["metadata"]["finalizers"] = ["example.com/held"]
    await client.create(held)
    await client.delete("v1", "Namespace", area.name)
    result = await apply(client, [area.namespace(), area.config("c")], area.inventory)
    assert "is being deleted since" in result.having(Action.FAIL)[0].message
    await client.patch(
        "v1", "ConfigMap", "held", {"metadata": {"finalizers": None}}, namespace=area.name
    )


async def test_the_inventorys_own_namespace_goes_last(client: Client, area: Any) -> None:
    own = Inventory("own", area.name)
    tenants = Inventory("other", area.name)
    await apply(client, [area.namespace(), area.config("c")], own)
    await apply(client, [area.config("theirs")], tenants)
    result = await apply(client, [], own)
    assert fates(result) == {f"Namespace/{area.name}": "keep", "ConfigMap/c": "prune"}
    [kept] = (await delete(client, own)).steps
    assert "holds the inventories other" in kept.message
    await delete(client, tenants)
    assert fates(await delete(client, own, Options(timeout=60))) == {
        f"Namespace/{area.name}": "prune"
    }
    with pytest.raises(NotFound):
        await client.get("v1", "Namespace", area.name)


async def test_a_custom_resource_as_parent(client: Client, area: Any) -> None:
    api = f"{area.name}.example.com/v1"
    await client.create(crd(area, labels={"applyset.kubernetes.io/is-parent-type": "true"}))
    inventory = Inventory("x", "", api, "Thing")
    thing = {"apiVersion": api, "kind": "Thing", "metadata": {"name": "x"}, "spec": {"a": 1}}

    async def served() -> bool:
        with suppress(NotFound, UnknownKind):
            await client.create(thing)
            return True
        return False

    await until("the kind is served", served)
    await apply(client, [area.namespace(), area.config("c")], inventory)
    parent = await parent_of(client, inventory)
    assert parent["spec"] == {"a": 1}
    assert parent["metadata"]["labels"] == {ID_LABEL: inventory.id}
    assert (await delete(client, inventory, Options(timeout=60))).counts() == {Action.PRUNE: 2}
    parent = await parent_of(client, inventory)
    assert parent["spec"] == {"a": 1}
    assert "annotations" not in parent["metadata"]
    with pytest.raises(InventoryError, match="the inventory Thing y does not exist"):
        await apply(client, [area.config("c")], Inventory("y", "", api, "Thing"))
    await client.delete(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", f"things.{area.name}.example.com"
    )


async def test_two_runs_at_once_do_not_lose_each_others_kinds(client: Client, area: Any) -> None:
    await apply(client, [area.namespace()], area.inventory)
    secret = {**area.config("s"), "kind": "Secret", "data": {}}
    sets = [[area.namespace(), area.config("c")], [area.namespace(), secret]]
    results = await asyncio.gather(
        *(apply(client, objects, area.inventory, Options(prune=False)) for objects in sets),
        return_exceptions=True,
    )
    stopped = [result for result in results if isinstance(result, BaseException)]
    assert len(stopped) < len(results)
    assert {type(error) for error in stopped} <= {InventoryError}
    kinds = (await parent_of(client, area.inventory))["metadata"]["annotations"][GROUP_KINDS].split(
        ","
    )
    there = [obj["kind"] for obj in (area.config("c"), secret) if await exists(client, obj)]
    assert there
    assert set(there) <= set(kinds)
