"""Apply and plan on a real API server: what is written, what is not, what is refused, and what a
failure leaves."""

from typing import Any

import pytest
from aiohttp import web

from applied import exists, fates
from manor.apply import (
    Action,
    Event,
    Finished,
    Options,
    Step,
    apply,
    changes,
    plan,
)
from manor.kube import Client, NotFound, Object
from manor.objectset.applyset import GROUP_KINDS, NAMESPACES
from waiting import until

pytestmark = pytest.mark.integration


def everything(area: Any) -> list[Object]:
    """One object of each shape that server-side apply treats in its own way."""
    place = area.name
    labels = {"app": "web"}
    container = {
        "name": "main",
        "image": "example.com/web:1",
        "ports": [{"containerPort": 8080}, {"containerPort": 8081, "name": "metrics"}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}},
    }
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    binding = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": f"{place}-reader",
    }
    quota = {"hard": {"requests.cpu": "4000m", "services": "10", "count/secrets": "10"}}
    peers = [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]
    subjects = [{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}]

    def make(api_version: str, kind: str, name: str, **fields: Any) -> Object:
        return {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": place},
            **fields,
        }

    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"{place}-reader"},
    }
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return [
        make(
            "apps/v1",
            "Deployment",
            "web",
            spec={"selector": {"matchLabels": labels}, "template": pods},
        ),
        make(
            "v1",
            "Service",
            "web",
            spec={"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        ),
        area.config("settings"),
        make("v1", "Secret", "hidden", stringData={"password": "hunter2"}),
        make("v1", "ResourceQuota", "quota", spec=quota),
        make(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "deny",
            spec={"podSelector": {}, "ingress": [], "egress": []},
        ),
        make(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "some",
            spec={"podSelector": {}, "ingress": peers},
        ),
        make(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "readers",
            roleRef=binding,
            subjects=subjects,
        ),
        make("v1", "ServiceAccount", "default", automountServiceAccountToken=False),
        area.claim("data"),
        {**role, "rules": rules},
        area.namespace(labels={"pod-security.kubernetes.io/enforce": "restricted"}),
    ]


async def writes(client: Client) -> float:
    """How many objects were applied so far, dry runs not counted. Controllers apply nothing but
    status, and, as they start, the ClusterRoles that others add to, which are not counted here."""
    metrics = await client.request("GET", "/metrics")
    wanted = ('verb="APPLY"', 'dry_run=""', 'subresource=""')
    counted = [line for line in metrics.splitlines() if line.startswith("apiserver_request_total{")]
    counted = [line for line in counted if 'resource="clusterroles"' not in line]
    return sum(
        float(line.rpartition(" ")[2]) for line in counted if all(label in line for label in wanted)
    )


async def seen(client: Client, place: str) -> bool:
    deployment = await client.get("apps/v1", "Deployment", "web", place)
    quota = await client.get("v1", "ResourceQuota", "quota", place)
    return "observedGeneration" in deployment.get("status", {}) and "used" in quota.get(
        "status", {}
    )


async def versions(client: Client, objects: list[Object]) -> dict[str, str]:
    found = {}
    for obj in objects:
        meta = obj["metadata"]
        live = await client.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
        found[f"{obj['kind']}/{meta['name']}"] = live["metadata"]["resourceVersion"]
    return found


async def test_a_second_apply_writes_nothing(client: Client, area: Any) -> None:
    objects = everything(area)
    first = await apply(client, objects, area.inventory)
    assert first.ok, first.steps
    # Kubernetes makes the account itself, and may have been first.
    assert {name for name, fate in fates(first).items() if fate != "create"} <= {
        "ServiceAccount/default"
    }
    await until(
        "the controllers have written what they write after a creation",
        lambda: seen(client, area.name),
    )
    inventory = {
        **area.config("x"),
        "metadata": {"name": area.inventory.name, "namespace": area.inventory.namespace},
    }
    kept = [
        obj
        for obj in objects
        if obj["kind"] in ("ConfigMap", "Secret", "Service", "NetworkPolicy", "ClusterRole")
    ]
    before, sent = await versions(client, [*kept, inventory]), await writes(client)
    second = await apply(client, objects, area.inventory)
    assert set(fates(second).values()) == {"unchanged"}
    assert await writes(client) == sent
    assert await versions(client, [*kept, inventory]) == before
    # The counter does count: one change, one write.
    await apply(
        client, [*objects[:2], area.config("settings", key="new"), *objects[3:]], area.inventory
    )
    assert await writes(client) == sent + 1


async def test_most_objects_are_known_as_unchanged_without_a_request_each(
    line: Any, client: Client, area: Any
) -> None:
    objects = [area.namespace(), *(area.config(f"c{number}") for number in range(20))]
    await apply(client, objects, area.inventory)
    async with Client.connect(line.kubeconfig) as counted:
        assert set(fates(await apply(counted, objects, area.inventory)).values()) == {"unchanged"}
    # discovery (2), the inventory, one list a kind
    assert len(line.requests) <= 6, line.requests


async def test_plan_tells_what_apply_does_and_writes_nothing(client: Client, area: Any) -> None:
    objects = [
        area.namespace(),
        area.config("same"),
        area.config("other", key="old"),
        area.config("gone"),
    ]
    planned = await plan(client, objects, area.inventory)
    assert set(fates(planned).values()) == {"create"}
    with pytest.raises(NotFound):
        await client.get("v1", "Namespace", area.name)
    await apply(client, objects, area.inventory)
    sent = await writes(client)
    wanted = [
        area.namespace(),
        area.config("same"),
        area.config("other", key="new"),
        area.config("fresh"),
    ]
    planned = await plan(client, wanted, area.inventory)
    told = fates(planned)
    assert told == {
        f"Namespace/{area.name}": "unchanged",
        "ConfigMap/same": "unchanged",
        "ConfigMap/other": "update",
        "ConfigMap/fresh": "create",
        "ConfigMap/gone": "prune",
    }
    assert await writes(client) == sent
    assert await client.get("v1", "ConfigMap", "gone", area.name)
    [update] = planned.having(Action.UPDATE)
    assert changes(update) == [(".data.key", "old", "new")]
    assert "-  key: old\n+  key: new\n" in planned.diff()
    assert fates(await apply(client, wanted, area.inventory)) == told
    again = await plan(client, wanted, area.inventory)
    assert not again.changed
    assert again.diff() == ""


async def test_a_secret_never_shows_in_a_diff(client: Client, area: Any) -> None:
    secret = {**area.config("s"), "kind": "Secret", "data": {"password": "aHVudGVyMg=="}}
    await apply(client, [area.namespace(), secret], area.inventory)
    changed = {**secret, "data": {"password": "bmV3"}}
    text = (await plan(client, [area.namespace(), changed], area.inventory)).diff()
    assert "*** (before)" in text
    assert "aHVudGVyMg" not in text
    assert "bmV3" not in text


async def test_another_managers_field_is_reported_and_taken_only_by_force(
    client: Client, area: Any
) -> None:
    objects = [area.namespace(), area.config("shared", key="ours"), area.config("free")]
    await apply(client, objects, area.inventory)
    theirs = {**area.config("shared", key="theirs")}
    await client.apply(theirs, field_manager="their-tool", force=True)
    changed = [area.namespace(), area.config("shared", key="ours"), area.config("free", key="new")]
    assert fates(await plan(client, changed, area.inventory))["ConfigMap/shared"] == "conflict"
    result = await apply(client, changed, area.inventory)
    [conflict] = result.having(Action.CONFLICT)
    assert [(c.manager, c.field) for c in conflict.conflicts] == [("their-tool", ".data.key")]
    assert not result.ok
    assert fates(result)["ConfigMap/free"] == "update"
    live = await client.get("v1", "ConfigMap", "shared", area.name)
    assert live["data"] == {"key": "theirs"}
    forced = await apply(client, changed, area.inventory, Options(force_conflicts=True))
    assert forced.ok
    live = await client.get("v1", "ConfigMap", "shared", area.name)
    assert live["data"] == {"key": "ours"}


async def test_an_edit_of_our_field_is_a_conflict_too(client: Client, area: Any) -> None:
    objects = [area.namespace(), area.config("one", key="ours")]
    await apply(client, objects, area.inventory)
    await client.patch(
        "v1", "ConfigMap", "one", {"data": {"key": "edited", "new": "x"}}, namespace=area.name
    )
    result = await apply(client, objects, area.inventory)
    [conflict] = result.having(Action.CONFLICT)
    assert [c.field for c in conflict.conflicts] == [".data.key"]


async def test_one_bad_object_stops_only_what_depends_on_it(client: Client, area: Any) -> None:
    def service(name: str, port: int, place: str) -> Object:
        meta = {"name": name, "namespace": area.place(place)}
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"ports": [{"port": port}]},
        }

    def set_of(port: int, label: str) -> list[Object]:
        workload = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "j", "namespace": area.place("a")},
        }
        container = {"name": "c", "image": "example.com/i"}
        job = {
            **workload,
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
        }
        return [
            area.namespace("a"),
            area.namespace("b"),
            area.namespace("c", labels={"bad": label}),
            service("broken", port, "a"),
            service("fine", 80, "a"),
            job,
            service("elsewhere", 80, "b"),
            service("homeless", 80, "c"),
        ]

    result = await apply(client, set_of(0, "not a label!"), area.inventory)
    assert fates(result) == {
        f"Namespace/{area.place('a')}": "create",
        f"Namespace/{area.place('b')}": "create",
        f"Namespace/{area.place('c')}": "fail",
        "Service/broken": "fail",
        "Service/fine": "create",
        "Job/j": "skip",
        "Service/elsewhere": "create",
        "Service/homeless": "skip",
    }
    told = {step.ref.name: step.message for step in result}
    assert "spec.ports[0].port" in told["broken"]
    assert told["j"] == f"Service {area.place('a')}/broken failed"
    assert told["homeless"] == f"Namespace {area.place('c')} failed"
    again = fates(await apply(client, set_of(80, "label"), area.inventory))
    assert {name for name, fate in again.items() if fate == "create"} == {
        f"Namespace/{area.place('c')}",
        "Service/broken",
        "Job/j",
        "Service/homeless",
    }
    assert set(again.values()) == {"create", "unchanged"}


async def test_nobody_is_let_in_where_a_guard_failed(client: Client, area: Any) -> None:
    api = "rbac.authorization.k8s.io"
    place = {"namespace": area.name}
    guard = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "guard", **place},
        "spec": {"podSelector": {}, "policyTypes": ["Sideways"]},
    }
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "people", **place},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": api, "kind": "User", "name": "ada"}],
    }
    result = await apply(client, [area.namespace(), guard, binding], area.inventory)
    assert fates(result) == {
        f"Namespace/{area.name}": "create",
        "NetworkPolicy/guard": "fail",
        "RoleBinding/people": "skip",
    }
    assert not await exists(client, binding)
    mended = {**guard, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    assert (await apply(client, [area.namespace(), mended, binding], area.inventory)).ok
    assert await exists(client, binding)


async def test_nothing_is_pruned_after_a_failure(client: Client, area: Any) -> None:
    await apply(client, [area.namespace(), area.config("old")], area.inventory)
    bad = {**area.config("bad"), "data": {"key": 5}}
    result = await apply(client, [area.namespace(), bad], area.inventory)
    assert fates(result) == {
        f"Namespace/{area.name}": "unchanged",
        "ConfigMap/bad": "fail",
        "ConfigMap/old": "skip",
    }
    assert await client.get("v1", "ConfigMap", "old", area.name)


async def test_a_server_lost_on_the_way_is_told_once_and_a_new_run_completes(
    line: Any, client: Client, area: Any
) -> None:
    objects = [area.namespace(), *(area.config(f"c{number:02}") for number in range(30))]
    seen = 0

    async def fault(request: web.Request) -> web.Response | None:
        nonlocal seen
        seen += request.method == "PATCH" and "/configmaps/c" in request.path
        if seen > 10:
            assert request.transport is not None
            request.transport.abort()
        return None

    async with Client.connect(line.kubeconfig, concurrency=2) as lossy:
        await lossy.resource("v1", "ConfigMap")
        line.fault = fault
        result = await apply(lossy, objects, area.inventory)
    counts = result.counts()
    assert counts[Action.FAIL] <= 2
    assert counts[Action.SKIP] >= 15
    assert all(
        "gives no answer" in step.message for step in result.having(Action.FAIL, Action.SKIP)
    )
    completed = await apply(client, objects, area.inventory)
    assert completed.ok
    assert counts[Action.CREATE] <= completed.counts()[Action.UNCHANGED]


async def test_order_is_that_of_the_waves(client: Client, area: Any) -> None:
    told: list[Step] = []

    def note(event: Event) -> None:
        if isinstance(event, Finished):
            told.append(event.step)

    await apply(client, everything(area), area.inventory, progress=note)
    kinds = [step.ref.kind for step in told]
    guards = {"ResourceQuota", "NetworkPolicy", "RoleBinding", "ServiceAccount"}
    assert kinds[:3] == ["Namespace", "ClusterRole", "ConfigMap"]
    assert set(kinds[3:8]) == guards
    assert kinds[-1] == "Deployment"


async def test_the_inventory_names_kinds_and_namespaces(client: Client, area: Any) -> None:
    await apply(client, everything(area), area.inventory)
    parent = await client.get("v1", "ConfigMap", area.inventory.name, area.inventory.namespace)
    annotations = parent["metadata"]["annotations"]
    assert "Deployment.apps" in annotations[GROUP_KINDS].split(",")
    assert annotations[NAMESPACES] == area.name
