"""The client against a real API server, and against a line to it that fails."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from manor.kube import (
    ApiError,
    Client,
    Conflict,
    Forbidden,
    Invalid,
    KubeconfigError,
    NotFound,
    UnknownKind,
    Unreachable,
)
from manor.limits import Kube, override

pytestmark = pytest.mark.integration


async def test_create_get_replace_patch_delete(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    made = await client.create(area.config("one", key="a"))
    assert made["metadata"]["uid"]
    made["data"]["key"] = "b"
    replaced = await client.replace(made)
    with pytest.raises(Conflict):  # made has an outdated resourceVersion now
        await client.replace(made)
    patched = await client.patch(
        "v1", "ConfigMap", "one", {"data": {"other": "c"}}, namespace=area.name
    )
    assert patched["data"] == {**replaced["data"], "other": "c"}
    with pytest.raises(Conflict, match="already exists") as caught:
        await client.create(area.config("one"))
    assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")
    with pytest.raises(Conflict):
        await client.delete(
            "v1", "ConfigMap", "one", area.name, uid="00000000-0000-0000-0000-000000000000"
        )
    await client.delete("v1", "ConfigMap", "one", area.name)
    with pytest.raises(NotFound, match='configmaps "one" not found'):
        await client.get("v1", "ConfigMap", "one", area.name)


async def test_dry_runs_write_nothing(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    await client.create(area.config("dry"), dry_run=True)
    await client.apply(area.config("dry"), dry_run=True)
    await client.create(area.config("wet", key="old"))
    await client.patch(
        "v1", "ConfigMap", "wet", {"data": {"key": "new"}}, namespace=area.name, dry_run=True
    )
    await client.replace(area.config("wet", key="new"), dry_run=True)
    await client.delete("v1", "ConfigMap", "wet", area.name, dry_run=True)
    await client.delete_collection("v1", "ConfigMap", area.name, dry_run=True)
    assert (await client.get("v1", "ConfigMap", "wet", area.name))["data"] == {"key": "old"}
    names = {obj["metadata"]["name"] for obj in await client.list("v1", "ConfigMap", area.name)}
    assert names - {"kube-root-ca.crt"} == {"wet"}


async def test_apply_reports_the_other_manager(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    await client.apply(area.config("one", key="a"), field_manager="first")
    with pytest.raises(Conflict) as caught:
        await client.apply(area.config("one", key="b"), field_manager="second")
    [cause] = caught.value.details["causes"]
    assert (cause["reason"], cause["field"]) == ("FieldManagerConflict", ".data.key")
    forced = await client.apply(area.config("one", key="b"), field_manager="second", force=True)
    assert forced["data"] == {"key": "b"}


async def test_unknown_fields_are_refused(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    with pytest.raises(ApiError, match="unknown field"):
        await client.create({**area.config("one"), "dato": {}})
    with pytest.raises(ApiError, match="field not declared in schema"):
        await client.apply({**area.config("one"), "dato": {}})


async def test_invalid_objects_say_what_is_invalid(client: Client, area: Any) -> None:
    with pytest.raises(Invalid, match=r"metadata\.name") as caught:
        await client.create(area.namespace("Upper"))
    assert caught.value.details["causes"]


async def test_lists_are_paged_and_whole(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    names = {f"c{number}" for number in range(7)}
    await asyncio.gather(*(client.create(area.config(name)) for name in names))
    with override(kube=Kube(page=2)):
        found = await client.list("v1", "ConfigMap", area.name)
    assert {obj["metadata"]["name"] for obj in found} - {"kube-root-ca.crt"} == names
    assert {(obj["apiVersion"], obj["kind"]) for obj in found} == {("v1", "ConfigMap")}
    await client.delete_collection("v1", "ConfigMap", area.name, field_selector="metadata.name=c1")
    found = await client.list("v1", "ConfigMap", area.name)
    assert {obj["metadata"]["name"] for obj in found} - {"kube-root-ca.crt"} == names - {"c1"}


async def test_impersonation(client: Client, area: Any) -> None:
    nobody = client.impersonate("somebody", extra={"example.com/a b": ["1"]})
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
    user = (await nobody.create(review))["status"]["userInfo"]
    assert user["username"] == "somebody"
    assert user["groups"] == ["system:authenticated"]
    assert user["extra"]["example.com/a b"] == ["1"]
    user = (await client.impersonate("x", groups=("a", "b")).create(review))["status"]["userInfo"]
    assert user["groups"] == ["a", "b", "system:authenticated"]
    with pytest.raises(Forbidden, match='User "somebody" cannot list resource "secrets"'):
        await nobody.list("v1", "Secret")


async def test_a_kubeconfig_says_whom_to_act_as(
    client: Client, api_node: Any, tmp_path: Path
) -> None:
    config = yaml.safe_load(Path(api_node.kubeconfig).read_text())
    config["users"][0]["user"] |= {
        "as": "somebody",
        "as-groups": ["a"],
        "as-user-extra": {"why": ["test"]},
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
    async with Client.connect(path) as somebody:
        user = (await somebody.create(review))["status"]["userInfo"]
    assert (user["username"], user["groups"]) == ("somebody", ["a", "system:authenticated"])
    assert user["extra"]["why"] == ["test"]


async def test_exec_and_logs_are_refused_in_the_servers_words(client: Client, area: Any) -> None:
    nobody = client.impersonate("somebody")
    with pytest.raises(Forbidden, match='User "somebody" cannot create resource "pods/exec"'):
        await nobody.exec(area.name, "pod", ["true"])
    with pytest.raises(Forbidden, match='cannot get resource "pods/log"'):
        await nobody.logs(area.name, "pod")
    with pytest.raises(NotFound, match='"pod" not found'):
        await client.exec(area.name, "pod", ["true"])


async def test_watch(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    since = (await client.create(area.config("one")))["metadata"]["resourceVersion"]
    seen = []

    async def look() -> None:
        async for event in client.watch(
            "v1", "ConfigMap", area.name, resource_version=since, timeout=20
        ):
            seen.append((event.type, event.object["metadata"]["name"]))
            if event.type == "DELETED":
                return

    looking = asyncio.create_task(look())
    await client.create(area.config("two"))
    await client.patch("v1", "ConfigMap", "two", {"data": {"key": "new"}}, namespace=area.name)
    await client.delete("v1", "ConfigMap", "two", area.name)
    await looking
    assert [event for event in seen if event[1] == "two"] == [
        ("ADDED", "two"),
        ("MODIFIED", "two"),
        ("DELETED", "two"),
    ]


async def test_watch_ends_at_its_time_and_starts_with_what_there_is(client: Client) -> None:
    found = [event async for event in client.watch("v1", "Namespace", timeout=1)]
    assert ("ADDED", "default") in {
        (event.type, event.object["metadata"].get("name")) for event in found
    }


async def test_a_crd_just_installed_is_found(client: Client, area: Any) -> None:
    group = f"{area.name}.example.com"
    with pytest.raises(UnknownKind, match="is its CustomResourceDefinition installed"):
        await client.resource(f"{group}/v1", "Thing")
    await client.create(crd(group))
    for _ in range(50):
        try:
            found = await client.resource(f"{group}/v1", "Thing")
            break
        except UnknownKind:
            await asyncio.sleep(0.2)
    assert (found.plural, found.namespaced, "list" in found.verbs) == ("things", True, True)
    assert await client.preferred_resource(group, "Thing") == found
    await client.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"things.{group}")


def crd(group: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
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


async def test_busy_and_failing_servers_are_asked_again(line: Any) -> None:
    left = [429, 503, 502]

    async def fault(request: web.Request) -> web.Response | None:
        if request.path == "/readyz" and left:
            return web.Response(status=left.pop(0), headers={"Retry-After": "0"})
        return None

    line.fault = fault
    async with Client.connect(line.kubeconfig) as client:
        assert await client.request("GET", "/readyz") == "ok"
    assert line.requests.count("GET /readyz") == 4


async def test_what_may_have_been_done_is_not_done_again(line: Any, area: Any) -> None:
    async def fault(request: web.Request) -> web.Response | None:
        if request.method in ("POST", "PUT"):
            assert request.transport is not None
            request.transport.close()
        return None

    line.fault = fault
    async with Client.connect(line.kubeconfig) as client:
        with pytest.raises(Unreachable, match="gives no answer"):
            await client.create(area.namespace())
        with pytest.raises(Unreachable, match="gives no answer"):
            await client.replace(area.namespace())
    assert line.requests.count("POST /api/v1/namespaces") == 1
    assert line.requests.count(f"PUT /api/v1/namespaces/{area.name}") > 1


async def test_a_server_that_never_answers(line: Any) -> None:
    async def fault(request: web.Request) -> web.Response | None:
        await asyncio.sleep(0.4)
        return None

    line.fault = fault
    async with Client.connect(line.kubeconfig) as client:
        with pytest.raises(Unreachable, match="timed out"):
            await client.request("POST", "/readyz", timeout=0.1)


async def test_concurrency_is_limited(line: Any) -> None:
    running, most = 0, 0

    async def fault(request: web.Request) -> web.Response | None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return web.Response(text="ok")

    line.fault = fault
    async with Client.connect(line.kubeconfig, concurrency=3) as client:
        await asyncio.gather(*(client.request("GET", "/readyz") for _ in range(20)))
    assert most == 3


async def test_an_unknown_context_names_the_known_ones(line: Any) -> None:
    with pytest.raises(KubeconfigError, match=r"no context .other. in .*; there are: there"):
        async with Client.connect(line.kubeconfig, "other"):
            pass
