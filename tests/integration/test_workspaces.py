"""Workspaces on a real API server: made, stopped, started again; with an operator and without."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from manor import jobs
from manor.api import API_VERSION
from manor.engines import Phase
from manor.kube import Client, NotFound, Object
from manor.state import NoSuchNamespace
from nodes import run_manor
from operator_process import condition, is_stored, operating, ready, tenant
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


HOME = {"size": "1Gi", "storageClass": "standard"}
"""This API server has no class that is the default."""


def lines(*objects: Object) -> str:
    """Objects as a file."""
    return "\n---\n".join(map(json.dumps, objects))


async def manor(*words: str) -> None:
    """A command, while the loop goes on."""
    await asyncio.to_thread(run_manor, *words)


def notes(team: str) -> Object:
    meta = {"name": "notes", "namespace": team}
    spec = {"image": "manor.local/workspace:1", "home": HOME}
    return {"apiVersion": API_VERSION, "kind": "Workspace", "metadata": meta, "spec": spec}


@asynccontextmanager
async def kubelet(client: Client, team: str) -> AsyncIterator[None]:
    """Says of each pod of a team that it runs and is ready, while the block runs."""
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}

    async def say() -> None:
        while True:
            for pod in await client.list("v1", "Pod", team):
                with suppress(NotFound):
                    await told(client, pod, status)
            await asyncio.sleep(0.2)

    saying = asyncio.create_task(say())
    try:
        yield
    finally:
        saying.cancel()


async def told(client: Client, pod: Object, status: Object) -> None:
    name, place = pod["metadata"]["name"], pod["metadata"]["namespace"]
    await client.patch("v1", "Pod", name, {"status": status}, namespace=place, subresource="status")


async def found(client: Client, team: str, what: tuple[str, str, str]) -> Object | None:
    try:
        return await client.get(*what, team)
    except NotFound:
        return None


async def there(client: Client, team: str) -> list[str]:
    """What is there of the workspace, by its kinds."""
    places = {
        "Job": ("batch/v1", "Job", "notes"),
        "ConfigMap": ("v1", "ConfigMap", "notes-attendant"),
        "PersistentVolumeClaim": ("v1", "PersistentVolumeClaim", "notes-home"),
    }
    return [kind for kind, what in places.items() if await found(client, team, what)]


async def uid(client: Client, team: str) -> str:
    return str((await client.get("batch/v1", "Job", "notes", team))["metadata"]["uid"])


async def end(client: Client, team: str, words: str) -> None:
    """Its pod ends well, and says so."""
    terminated = {"exitCode": 0, "message": words}
    state = {"name": "ide", "state": {"terminated": terminated}}
    body = {"image": "x", "imageID": "", "ready": False, "restartCount": 0, **state}
    for pod in await client.list("v1", "Pod", team):
        await told(client, pod, {"phase": "Succeeded", "containerStatuses": [body]})


async def test_an_operator_keeps_it_as_it_was_started(
    own: Path, client: Client, tmp_path: Path
) -> None:
    with operating(own, tmp_path / "log"):
        await client.create(tenant("wren"))
        await ready(client, "wren")
        await until("quotas count it", partial(is_stored, client, notes("wren")))

        async def stands(phase: str) -> bool:
            live = await client.get(API_VERSION, "Workspace", "notes", "wren")
            current = condition(live).get("status") is not None
            return bool(current and live["status"].get("phase") == phase)

        async with kubelet(client, "wren"):
            try:
                await until("it is ready", partial(stands, "Ready"), 25)
            except AssertionError:
                print(
                    json.dumps(
                        await client.get(API_VERSION, "Workspace", "notes", "wren"), indent=1
                    )
                )
                print(
                    await there(client, "wren"),
                    [p["status"] for p in await client.list("v1", "Pod", "wren")],
                    [(e["reason"], e["message"]) for e in await client.list("v1", "Event", "wren")],
                )
                print([j["status"] for j in await client.list("batch/v1", "Job", "wren")])
                print((tmp_path / "log").read_text()[-3000:])
                raise
        first = await uid(client, "wren")
        home = await client.get("v1", "PersistentVolumeClaim", "notes-home", "wren")
        assert "ownerReferences" not in home["metadata"]
        job = await client.get("batch/v1", "Job", "notes", "wren")
        assert [owner["kind"] for owner in job["metadata"]["ownerReferences"]] == ["Workspace"]

        # Another spec is for the next start: what is at work now goes on.
        more = {"spec": {"resources": {"memory": "2Gi"}}}
        await client.patch(API_VERSION, "Workspace", "notes", more, namespace="wren")
        await until("the change is seen", partial(stands, "Ready"))
        assert await uid(client, "wren") == first

        await end(client, "wren", "nothing has happened in it")
        await until("it has stopped", partial(stands, "Stopped"))
        live = await client.get(API_VERSION, "Workspace", "notes", "wren")
        assert live["status"]["message"] == "nothing has happened in it"
        assert condition(live)["reason"] == "Stopped"

        owner = client.impersonate("wren-owner")
        async with kubelet(client, "wren"):
            pod = await jobs.start(owner, "notes", "wren")
        assert await uid(client, "wren") != first
        (container,) = pod["spec"]["containers"]
        assert container["resources"]["limits"]["memory"] == "2Gi"

        await jobs.stop(owner, "notes", "wren")
        assert await there(client, "wren") == ["PersistentVolumeClaim"]
        await until("it says so", partial(stands, "Stopped"))

        async with kubelet(client, "wren"):
            await jobs.start(owner, "notes", "wren")
        await client.delete(API_VERSION, "Workspace", "notes", "wren")

        async def home_alone() -> bool:
            return await there(client, "wren") == ["PersistentVolumeClaim"]

        await until("its home is left alone", home_alone)


async def test_without_an_operator_it_is_the_same(
    platform_node: Any, client: Client, tmp_path: Path
) -> None:
    files = tmp_path / "files.yaml"
    files.write_text(lines(tenant("tern"), notes("tern")))
    where = ["--kubeconfig", str(platform_node.kubeconfig)]
    await manor("apply", "-f", str(files), "--no-wait", *where)
    owner = client.impersonate("tern-owner")
    async with kubelet(client, "tern"):
        await jobs.start(owner, "notes", "tern")
    first = await uid(client, "tern")
    with pytest.raises(NoSuchNamespace):
        await jobs.stop(client.impersonate("wren-owner"), "notes", "tern")
    await manor("apply", "-f", str(files), "--no-wait", *where)
    assert await uid(client, "tern") == first

    await end(client, "tern", "nobody is there")

    async def stopped() -> bool:
        stands = await (await jobs.workspace(owner, "notes", "tern")).standing()
        return (stands.phase, stands.reason) == (Phase.STOPPED, "nobody is there")

    await until("it has stopped", stopped)
    async with kubelet(client, "tern"):
        await jobs.start(owner, "notes", "tern")
        assert await uid(client, "tern") != first
        await jobs.start(owner, "notes", "tern")  # it runs: nothing happens
    await jobs.stop(owner, "notes", "tern")
    assert await there(client, "tern") == ["PersistentVolumeClaim"]
    stands = await (await jobs.workspace(owner, "notes", "tern")).standing()
    assert (stands.phase, stands.reason) == (Phase.STOPPED, "it was told to stop")

    alone = tmp_path / "notes.yaml"
    alone.write_text(lines(notes("tern")))
    await manor("delete", "-f", str(alone), "--yes", *where)
    assert await found(client, "tern", (API_VERSION, "Workspace", "notes")) is None
    assert await there(client, "tern") == ["PersistentVolumeClaim"]
