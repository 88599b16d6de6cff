"""What people made in a namespace of ours goes only on consent that names it, and what is kept is
told."""

from typing import Any

import pytest

from applied import exists, fates
from manor.apply import Action, Options, apply, delete, plan, to_be_kept
from manor.apply.work import work_in
from manor.kube import Client, NotFound, Object
from manor.objectset.references import Ref
from waiting import until

pytestmark = pytest.mark.integration


def role(area: Any, place: str = "lab") -> Object:
    meta = {"name": "theirs", "namespace": area.place(place)}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta}


def deployment(area: Any, place: str = "lab") -> Object:
    labels = {"app": "web"}
    pods = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "example.com/i"}]},
    }
    spec = {"selector": {"matchLabels": labels}, "template": pods}
    meta = {"name": "web", "namespace": area.place(place)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def service(area: Any, place: str = "lab") -> Object:
    meta = {"name": "web", "namespace": area.place(place)}
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


async def test_what_kubernetes_makes_is_nobodys_work(client: Client, area: Any) -> None:
    await client.create(area.namespace("lab"))
    await until("a default ServiceAccount", lambda: _has_pair(client, area.place("lab")))
    assert not await work_in(client, area.place("lab"), ())
    for obj in (deployment(area), service(area)):
        await client.create(obj)
    await until("a pod", lambda: _scaled(client, area.place("lab")))
    work = await work_in(client, area.place("lab"), ())
    assert str(work) == "Deployment web, Service web"
    assert not work.unseen
    ours = [Ref("apps", "Deployment", area.place("lab"), "web")]
    assert str(await work_in(client, area.place("lab"), ours)) == "Service web"


async def _has_pair(client: Client, namespace: str) -> bool:
    accounts = await client.list("v1", "ServiceAccount", namespace)
    return bool(accounts and await client.list("v1", "ConfigMap", namespace))


async def _scaled(client: Client, namespace: str) -> bool:
    pods, slices = (
        await client.list("v1", "Pod", namespace),
        await client.list("discovery.k8s.io/v1", "EndpointSlice", namespace),
    )
    return bool(pods and slices)


async def test_a_namespace_with_peoples_work_is_kept_until_it_is_named(
    client: Client, area: Any
) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": area.place("lab")},
        "spec": {"podSelector": {}},
    }
    lab = area.place("lab")
    await apply(client, [area.namespace(), area.namespace("lab"), policy], area.inventory)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hf", "namespace": lab}}
    for obj in (deployment(area), secret, role(area)):
        await client.create(obj)
    planned = await plan(client, [area.namespace()], area.inventory)
    kept = {step.ref.name: step.message for step in planned.having(Action.KEEP)}
    wanted = (
        "holds Deployment web, Role theirs, Secret hf; to delete it with that, name it explicitly"
    )
    assert kept == {lab: wanted, "deny": "guards a namespace that is kept"}
    for options in (
        Options(),
        Options(delete_data=True),
        Options(delete_namespaces=frozenset({area.name})),
    ):
        assert (
            fates(await apply(client, [area.namespace()], area.inventory, options))[
                f"Namespace/{lab}"
            ]
            == "keep"
        )
        assert [
            kept.step.ref.name for kept in await to_be_kept(client, area.inventory, options)
        ] == [lab]
    assert (
        fates(await delete(client, area.inventory, Options(timeout=30)))[f"Namespace/{lab}"]
        == "keep"
    )
    assert await exists(client, secret)
    named = Options(delete_namespaces=frozenset({lab}), timeout=60)
    assert not await to_be_kept(client, area.inventory, named)
    await delete(client, area.inventory, named)
    with pytest.raises(NotFound):
        await client.get("v1", "Namespace", lab)


async def test_named_consent_is_none_for_volumes(client: Client, area: Any) -> None:
    lab = area.place("lab")
    await apply(client, [area.namespace("lab")], area.inventory)
    for obj in (role(area), area.claim("work", place="lab")):
        await client.create(obj)
    result = await apply(
        client, [area.namespace()], area.inventory, Options(delete_namespaces=frozenset({lab}))
    )
    [kept] = result.having(Action.KEEP)
    assert kept.message == "holds the volume claims work; to delete it, delete data explicitly"
    both = Options(delete_data=True, delete_namespaces=frozenset({lab}))
    assert (
        fates(await apply(client, [area.namespace()], area.inventory, both))[f"Namespace/{lab}"]
        == "prune"
    )


async def test_what_may_not_be_listed_keeps_a_namespace(client: Client, area: Any) -> None:
    lab = area.place("lab")
    await client.create(area.namespace("lab"))
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    api, meta = "rbac.authorization.k8s.io/v1", {"metadata": {"name": area.name}}
    await client.create({"apiVersion": api, "kind": "ClusterRole", **meta, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": area.name}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": area.name}]
    binding = {
        "apiVersion": api,
        "kind": "ClusterRoleBinding",
        **meta,
        "roleRef": reference,
        "subjects": subjects,
    }
    await client.create(binding)
    work = await work_in(client.impersonate(area.name), lab, ())
    assert work
    assert "secrets" in work.unseen
    assert "configmaps" not in work.unseen
    assert str(work).startswith("perhaps ")
