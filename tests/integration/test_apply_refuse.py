"""What stops a run before anything is changed, and what is told then."""

from typing import Any

import pytest

from applied import fates
from manor.apply import Action, InvalidObjects, Options, Reason, Refused, apply, plan
from manor.kube import Client, Forbidden, NotFound, Unreachable

pytestmark = pytest.mark.integration


async def test_an_unreachable_server(client: Client, tmp_path: Any, area: Any) -> None:
    path = tmp_path / "config"
    text = """{apiVersion: v1, kind: Config, current-context: gone, users: [],
      clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}],
      contexts: [{name: gone, context: {cluster: c, user: u}}]}"""
    path.write_text(text)
    async with Client.connect(path) as nowhere:
        for run in (apply, plan):
            with pytest.raises(
                Unreachable, match=r"context gone\) gives no answer: connection refused"
            ):
                await run(nowhere, [area.namespace()], area.inventory)


async def test_no_permission_changes_nothing(client: Client, area: Any) -> None:
    nobody = client.impersonate("somebody")
    with pytest.raises(Forbidden, match='User "somebody" cannot get resource'):
        await apply(nobody, [area.namespace()], area.inventory)
    with pytest.raises(NotFound):
        await client.get("v1", "Namespace", area.name)


async def test_a_permission_that_lacks_is_told_for_each_object(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    rules = [
        {
            "apiGroups": [""],
            "resources": ["configmaps", "secrets", "namespaces"],
            "verbs": ["get", "list"],
        }
    ]
    rules += [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch"]}]
    api, role = "rbac.authorization.k8s.io/v1", {"metadata": {"name": area.name}}
    await client.create({"apiVersion": api, "kind": "ClusterRole", **role, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": area.name}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": area.name}]
    await client.create(
        {
            "apiVersion": api,
            "kind": "ClusterRoleBinding",
            **role,
            "roleRef": reference,
            "subjects": subjects,
        }
    )
    secret = {**area.config("s"), "kind": "Secret", "data": {}}
    limited, inventory = client.impersonate(area.name), type(area.inventory)("set", area.name)
    result = await apply(limited, [area.config("c"), secret], inventory)
    assert fates(result) == {"ConfigMap/c": "create", "Secret/s": "fail"}
    assert (
        f'User "{area.name}" cannot patch resource "secrets"'
        in result.having(Action.FAIL)[0].message
    )


async def test_what_is_not_ours_is_refused_and_nothing_changes(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    await client.create(area.config("theirs", key="theirs"))
    objects = [area.namespace(), area.config("theirs", key="ours"), area.config("new")]
    planned = await plan(client, objects, area.inventory)
    assert fates(planned)[f"Namespace/{area.name}"] == "refuse"
    assert not planned.ok
    with pytest.raises(Refused, match="nothing was changed") as caught:
        await apply(client, objects, area.inventory)
    assert {str(step.ref) for step in caught.value.steps} == {
        f"Namespace {area.name}",
        f"ConfigMap {area.name}/theirs",
    }
    with pytest.raises(NotFound):
        await client.get("v1", "ConfigMap", "new", area.name)
    adopted = await apply(
        client, [area.namespace(), area.config("new")], area.inventory, Options(adopt=True)
    )
    assert fates(adopted) == {f"Namespace/{area.name}": "update", "ConfigMap/new": "create"}
    assert (
        await apply(client, [area.namespace(), area.config("new")], area.inventory)
    ).counts() == {Action.UNCHANGED: 2}


async def test_what_another_controls_is_refused_even_to_adopters(client: Client, area: Any) -> None:
    """It would be deleted with its owner, and a namespace with all that is in it."""
    await client.create(area.namespace())
    owner = await client.create(area.config("owner"))
    reference = {key: owner[key] for key in ("apiVersion", "kind")} | {
        key: owner["metadata"][key] for key in ("name", "uid")
    }
    owned = area.config("owned")
    owned["metadata"]["ownerReferences"] = [{**reference, "controller": True}]
    await client.create(owned)
    wanted = [area.namespace(), area.config("owned")]
    with pytest.raises(Refused) as caught:
        await apply(client, wanted, area.inventory, Options(adopt=True))
    (step,) = caught.value.steps
    assert (step.ref.name, step.reasons) == ("owned", (Reason.CONTROLLED,))
    assert "controlled by ConfigMap owner and deleted with it" in step.message
    loose = {"metadata": {"ownerReferences": None}}
    await client.patch("v1", "ConfigMap", "owned", loose, namespace=area.name)
    adopted = await apply(client, wanted, area.inventory, Options(adopt=True))
    assert fates(adopted)["ConfigMap/owned"] == "update"


async def test_another_inventorys_object_is_refused_even_to_adopters(
    client: Client, area: Any
) -> None:
    await apply(client, [area.namespace(), area.config("one")], area.inventory)
    other = type(area.inventory)(f"{area.name}-other", "manor-inventories")
    with pytest.raises(Refused, match=f"belongs to another inventory .{area.inventory.id}"):
        await apply(client, [area.config("one")], other, Options(adopt=True))


async def test_what_is_no_set_is_refused_whole(client: Client, area: Any) -> None:
    objects = [
        area.config("twice"),
        area.config("twice", key="b"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "homeless"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "namespace": "m"}},
        {"apiVersion": "no.example.com/v1", "kind": "Such", "metadata": {"name": "x"}},
    ]
    with pytest.raises(InvalidObjects) as caught:
        await apply(client, objects, area.inventory)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        f"ConfigMap {area.name}/twice",
        "ConfigMap homeless",
        "Namespace m/n",
        "Such x",
    ]
    with pytest.raises(
        InvalidObjects, match=r"ConfigMap without a name: metadata\.name is missing"
    ):
        await plan(
            client, [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}], area.inventory
        )
