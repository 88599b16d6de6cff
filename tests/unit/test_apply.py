"""Apply on an API server in memory: what each failure stops, and what it leaves."""

import asyncio
from typing import Any

import pytest

from api_stand_in import ApiStandIn
from applied import fates
from manor.apply import (
    Action,
    Event,
    Finished,
    InvalidObjects,
    Inventory,
    InventoryError,
    NotEnforced,
    Options,
    Phase,
    Refused,
    Started,
    apply,
    plan,
    wait_enforced,
)
from manor.kube import ApiError, Client, Object, Unreachable
from manor.limits import Apply, override
from plain_objects import RBAC, binding, config, guard, make, space

pytestmark = pytest.mark.unit

PLACE = Inventory("things", "home")


def things(scope: str = "Cluster") -> Object:
    names = {"kind": "Thing", "plural": "things"}
    spec = {
        "group": "example.com",
        "scope": scope,
        "names": names,
        "versions": [{"name": "v1", "served": True}],
    }
    return make(
        "CustomResourceDefinition",
        "things.example.com",
        at="",
        api="apiextensions.k8s.io/v1",
        spec=spec,
    )


THING = make("Thing", "one", at="", api="example.com/v1")


async def test_a_failure_stops_what_depends_on_it_and_prunes_nothing_but_openings(
    server: ApiStandIn, client: Client
) -> None:
    await apply(client, [space(), guard(), guard("open"), config("old")], PLACE)
    server.refused["PATCH .*/services/broken"] = (422, "spec.ports: Required value")
    job = make("Job", "train", api="batch/v1", spec={})
    wanted = [space(), space("b"), guard(), make("Service", "broken"), make("Service", "fine"), job]
    result = await apply(client, [*wanted, config("there", at="b")], PLACE)
    assert fates(result) == {
        "Namespace/a": "unchanged",
        "Namespace/b": "create",
        "NetworkPolicy/deny": "unchanged",
        "Service/broken": "fail",
        "Service/fine": "create",
        "Job/train": "skip",
        "ConfigMap/there": "create",
        "ConfigMap/old": "skip",
        "NetworkPolicy/open": "prune",
    }
    told = {step.ref.name: step.message for step in result}
    assert told["broken"] == "spec.ports: Required value"
    assert told["train"] == "Service a/broken failed"
    assert told["old"] == "not pruned, because something failed"
    server.refused.clear()
    assert fates(await apply(client, wanted, PLACE))["ConfigMap/old"] == "prune"
    assert "old" not in server.names("configmaps")


async def test_a_kind_comes_with_its_definition_and_goes_with_consent_alone(
    server: ApiStandIn, client: Client
) -> None:
    server.refused["PATCH .*/customresourcedefinitions/.*"] = (422, "spec.names: Invalid value")
    failed = await apply(client, [things(), THING], PLACE)
    assert fates(failed) == {
        "CustomResourceDefinition/things.example.com": "fail",
        "Thing/one": "skip",
    }
    server.refused.clear()
    assert (await apply(client, [things(), THING], PLACE)).ok
    server.hold({**THING, "metadata": {"name": "theirs"}})
    kept = await apply(client, [config("c", at="home")], PLACE)
    assert [step.message for step in kept.having(Action.KEEP)] == [
        "has 1 object; to delete it, delete data explicitly"
    ]
    assert server.names("things") == {"theirs"}
    assert (await apply(client, [], PLACE, Options(delete_data=True))).ok
    assert server.names("customresourcedefinitions") | server.names("things") == set()


async def test_a_definition_that_is_not_served_in_time_has_failed(
    server: ApiStandIn, client: Client
) -> None:
    server.controllers["CustomResourceDefinition"] = lambda _: {}
    with override(apply=Apply(established=0)):
        (step, skipped) = await apply(client, [things(), THING], PLACE)
    assert step.message == "its kind is not served after 0 s: is not Established"
    assert skipped.action is Action.SKIP


async def test_rights_are_taken_away_before_all_else_whatever_becomes_of_the_rest(
    server: ApiStandIn, client: Client
) -> None:
    objects = [space(), guard(), binding("team", "ada", "eve"), binding("guests", "bob")]
    await apply(client, objects, PLACE)
    server.written.clear()
    server.refused["PATCH .*/networkpolicies/deny"] = (422, "spec: Invalid value")
    changed = {**guard(), "spec": {"podSelector": {}, "policyTypes": ["Sideways"]}}
    told: list[Event] = []
    result = await apply(
        client, [space(), changed, binding("team", "ada", "new")], PLACE, progress=told.append
    )
    path = f"/apis/{RBAC}/v1/namespaces/a/rolebindings"
    assert set(server.written[:2]) == {f"PATCH {path}/team", f"DELETE {path}/guests"}
    assert [subject["name"] for subject in server.held("rolebindings", "team")["subjects"]] == [
        "ada"
    ]
    assert fates(result)["RoleBinding/team"] == "skip"
    first = next(event.step for event in told if isinstance(event, Finished))
    assert (str(first.ref), first.message) == ("RoleBinding a/team", "takes the right from eve")


async def test_objects_that_make_no_set_are_all_named_and_nothing_is_asked_of_the_server(
    server: ApiStandIn, client: Client
) -> None:
    with pytest.raises(InvalidObjects) as nameless:
        await apply(client, [{"kind": "Pod", "metadata": {}}, {}], PLACE)
    assert nameless.value.problems == (
        "Pod without a name: apiVersion is missing",
        "Pod without a name: metadata.name is missing",
        "object without a name: apiVersion is missing",
        "object without a name: kind is missing",
        "object without a name: metadata.name is missing",
    )
    homeless, placed = make("ConfigMap", "x", at=""), make("Namespace", "b")
    with pytest.raises(InvalidObjects) as wrong:
        await plan(client, [homeless, placed, config("c"), config("c"), THING], PLACE)
    assert [problem.partition(";")[0] for problem in wrong.value.problems] == [
        "ConfigMap x: ConfigMap needs a metadata.namespace",
        "Namespace a/b: Namespace takes no metadata.namespace",
        "ConfigMap a/c: given more than once",
        "Thing one: the server has no kind Thing in example.com/v1",
    ]
    assert server.written == []


async def test_a_spec_that_cannot_come_true_is_not_stored_as_if_it_had(
    server: ApiStandIn, client: Client
) -> None:
    spec = make("Tenant", "t", at="", api="manor.dev/v1alpha1", spec={"cpu": 1})
    inventory = Inventory.of(spec)
    job = make("Job", "train", api="batch/v1", spec={"parallelism": 1})
    assert (await apply(client, [space(), job], inventory, parent=spec)).ok
    changed, more = {**spec, "spec": {"cpu": 2}}, {**job, "spec": {"parallelism": 2}}
    server.refused["PATCH .*/jobs/train"] = (422, "spec.parallelism: field is immutable")
    stopped = await apply(client, [space(), more], inventory, parent=changed)
    assert fates(stopped) == {"Job/train": "fail", "Tenant/t": "skip"}
    assert server.held("tenants", "t")["spec"] == {"cpu": 1}
    planned = await plan(client, [space(), more], inventory, parent=changed)
    assert fates(planned) == {"Tenant/t": "update", "Namespace/a": "unchanged", "Job/train": "fail"}
    server.refused.clear()
    await client.apply({**spec, "spec": {"cpu": 9}}, field_manager="kubectl", force=True)
    conflict = await apply(client, [space(), job], inventory, parent=changed)
    assert fates(conflict) == {"Tenant/t": "conflict"}
    server.refused["PATCH .*/tenants/t"] = (403, "no")
    forbidden = await apply(
        client, [space(), job], inventory, Options(force_conflicts=True), parent=changed
    )
    assert [step.message for step in forbidden] == ["no"]
    with pytest.raises(
        InvalidObjects, match="Tenant other is not the parent of the inventory Tenant t"
    ):
        await apply(client, [], inventory, parent={**spec, "metadata": {"name": "other"}})


async def test_what_is_being_deleted_is_waited_for_and_then_told(
    server: ApiStandIn, client: Client
) -> None:
    server.hold(
        space(),
        config("going", meta={"finalizers": ["example.com/x"], "deletionTimestamp": "then"}),
    )
    path = "/api/v1/namespaces/a/configmaps/going"
    asyncio.get_running_loop().call_later(0.3, server.remove, path)
    made = await apply(client, [config("going")], PLACE, Options(adopt=True))
    assert fates(made) == {"ConfigMap/going": "create"}
    server.objects[path]["metadata"]["deletionTimestamp"] = "then"
    with override(apply=Apply(leaving=0)):
        (step,) = await apply(client, [config("going", "2")], PLACE)
    assert step.message == "is being deleted since then; run again once it is gone"


async def test_what_the_server_cannot_do_yet_is_tried_again(
    server: ApiStandIn, client: Client
) -> None:
    refusal = {"PATCH .*/jobs/train": (403, "jobs is forbidden: status unknown for quota: compute")}
    server.refused.update(refusal)
    asyncio.get_running_loop().call_later(0.3, server.refused.clear)
    assert (await apply(client, [space(), make("Job", "train", api="batch/v1")], PLACE)).ok
    assert server.names("jobs") == {"train"}


async def test_a_server_lost_on_the_way_is_told_and_the_rest_is_left_out(
    server: ApiStandIn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = server.send

    async def lossy(*request: Any, **more: Any) -> str:
        if request[1] == "PATCH" and "/a/configmaps/" in request[2]:
            raise Unreachable("the API server gives no answer")
        return await answer(*request, **more)

    monkeypatch.setattr(server, "send", lossy)
    result = await apply(client, [space(), config("c"), make("Service", "s")], PLACE)
    assert fates(result) == {"Namespace/a": "create", "ConfigMap/c": "fail", "Service/s": "skip"}
    assert {step.message for step in result.having(Action.FAIL, Action.SKIP)} == {
        "the API server gives no answer"
    }


async def test_what_belongs_to_others_is_refused(server: ApiStandIn, client: Client) -> None:
    await apply(client, [space(), config("c")], PLACE)
    other = Inventory("other", "home")
    with pytest.raises(
        Refused, match=r"ConfigMap a/c: exists and belongs to another inventory \(applyset-"
    ):
        await apply(client, [config("c", "2")], other, Options(adopt=True))
    role = make("ClusterRole", "r", at="", api=f"{RBAC}/v1")
    server.hold(role)
    with pytest.raises(Refused, match="ClusterRole r: exists and was not made by this inventory"):
        await apply(client, [role], other)
    parent = server.held("configmaps", "things")["metadata"]
    parent["annotations"]["applyset.kubernetes.io/tooling"] = "kubectl/v1.37"
    with pytest.raises(
        InventoryError, match=r"ConfigMap home/things belongs to kubectl/v1\.37, not to manor"
    ):
        await apply(client, [], PLACE)
    parent["annotations"]["applyset.kubernetes.io/tooling"] = "manor/v1"
    parent["labels"]["applyset.kubernetes.io/id"] = "applyset-x-v1"
    with pytest.raises(
        InventoryError, match="has the ID applyset-x-v1, which is that of another object"
    ):
        await apply(client, [], PLACE)
    with pytest.raises(InventoryError, match="the inventory Tenant none does not exist"):
        await apply(client, [space("b")], Inventory("none", "", "manor.dev/v1alpha1", "Tenant"))


async def test_two_runs_at_once_do_not_write_over_each_others_inventory(
    server: ApiStandIn, client: Client
) -> None:
    await apply(client, [config("c", at="home")], PLACE)

    def other_run(event: Event) -> None:
        if isinstance(event, Started) and event.phase is Phase.APPLY:
            server.held("configmaps", "things")["metadata"]["resourceVersion"] = "another"

    with pytest.raises(
        InventoryError, match="another run changed the inventory ConfigMap home/things meanwhile"
    ):
        await apply(
            client, [config("c", at="home"), space(), config("d")], PLACE, progress=other_run
        )
    assert "a" not in server.names("namespaces")


async def test_policies_are_in_force_before_what_they_guard(
    server: ApiStandIn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wait_enforced(client)
    assert server.names("validatingadmissionpolicies") == set()
    monkeypatch.setattr(server, "enforces", False)
    short = Apply(enforced=0)
    with (
        override(apply=short),
        pytest.raises(NotEnforced, match="see whether its admission plugin Validating"),
    ):
        await wait_enforced(client)
    server.refused["POST .*/configmaps"] = (403, "exceeded quota")
    with pytest.raises(ApiError, match="exceeded quota"):
        await wait_enforced(client)
    assert server.names("validatingadmissionpolicies") == set()
