"""Pulumi programs whose Kubernetes resources are made for real, as Pulumi's provider makes them.

The provider is Go, and is not here. What is done instead is what its source (4.34) does with
upsertExistingObjects: server-side apply under the manager of the annotation
pulumi.com/patchFieldManager, forced where pulumi.com/patchForce or enablePatchForce says so, as a
dry run in a preview.
"""

import asyncio
import copy
import json
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ground import gateway_kinds
from manor.kube import Client, NotFound, Object
from nodes import RunningNode, node_for_tests

T = TypeVar("T")

RANDOM_MANAGER = "pulumi-kubernetes-0a1b2c3d"


QUOTA_TIMEOUT = 600.0
"""Seconds, as the components ask of Pulumi."""


class Cluster:
    """A client on a loop of its own, for calls from the threads in which registrations run."""

    def __init__(
        self, client: Client, loop: asyncio.AbstractEventLoop, *, preview: bool, force: bool
    ) -> None:
        self._client = client
        self._loop = loop
        self._preview = preview
        self._force = force

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine, from another thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def make(self, type_: str, _name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """What the provider would do for a resource; other providers' resources become their
        inputs."""
        if not type_.startswith("kubernetes:"):
            return inputs
        return self.call(self._written(inputs))

    async def _written(self, inputs: dict[str, Any]) -> dict[str, Any]:
        controls = inputs["metadata"].get("annotations", {})
        live: dict[str, Any] = await self._client.apply(
            copy.deepcopy(inputs),
            field_manager=controls.get("pulumi.com/patchFieldManager", RANDOM_MANAGER),
            force=self._force or controls.get("pulumi.com/patchForce") == "true",
            dry_run=self._preview,
        )
        ready = _readiness(inputs)
        return live if self._preview or ready is None else await self._awaited(live, ready)

    async def _awaited(
        self, live: dict[str, Any], ready: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        meta = live["metadata"]
        async with asyncio.timeout(QUOTA_TIMEOUT):
            while not ready(live):
                await asyncio.sleep(0.1)
                live = await self._client.get(
                    live["apiVersion"], live["kind"], meta["name"], meta.get("namespace")
                )
        return live


def _is_served(definition: dict[str, Any]) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or []
    return ("Established", "True") in {(c["type"], c["status"]) for c in conditions}


_PATH = re.compile(r"jsonpath=\{\.status\.used\['(?P<key>[^']+)'\]\}")


def _counts(inputs: dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
    waited = json.loads(inputs["metadata"]["annotations"]["pulumi.com/waitFor"])
    keys = {match["key"] for path in waited if (match := _PATH.fullmatch(path))}
    assert len(keys) == len(waited), "a form that this stand-in for the provider does not know"
    return lambda quota: keys <= (quota.get("status") or {}).get("used", {}).keys()


def _readiness(inputs: dict[str, Any]) -> Callable[[dict[str, Any]], bool] | None:
    """What the provider waits for, of what an API server without nodes can give; a kind it tries
    until it is served."""
    if inputs["kind"] == "ResourceQuota":
        return _counts(inputs)
    return _is_served if inputs["kind"] == "CustomResourceDefinition" else None


@contextmanager
def connected(kubeconfig: Path, *, preview: bool = False, force: bool = False) -> Iterator[Cluster]:
    """A cluster for a program to run against."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    context = Client.connect(kubeconfig)
    client = wait(context.__aenter__())
    try:
        yield Cluster(client, loop, preview=preview, force=force)
    finally:
        wait(context.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


STORAGE = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard"},
    "provisioner": "example.com/none",
}


async def _prepare(kubeconfig: Path) -> None:
    """What the way in needs, and the storage class that the example's Platform names."""
    async with Client.connect(kubeconfig) as client:
        await client.apply(STORAGE, field_manager="tests")
        await gateway_kinds.install(client)


async def counted(kubeconfig: Path) -> None:
    """Until the quota controller knows the new kinds. A quota made before that would wait five
    minutes."""
    hard = {"count/models.manor.dev": "1", "count/trainingjobs.manor.dev": "1"}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "probe", "namespace": "default"},
        "spec": {"hard": hard},
    }
    async with Client.connect(kubeconfig) as client, asyncio.timeout(120):
        while True:
            await client.create(quota)
            await asyncio.sleep(2)
            live = await client.get("v1", "ResourceQuota", "probe", "default")
            await client.delete("v1", "ResourceQuota", "probe", "default")
            if hard.keys() <= live.get("status", {}).get("used", {}).keys():
                return


@contextmanager
def api_server(name: str) -> Iterator[RunningNode]:
    """An API server with what the example needs of a cluster."""
    with node_for_tests(name, "--api-only") as node:
        asyncio.run(_prepare(node.kubeconfig))
        yield node


def live(node: RunningNode, *wanted: tuple[str, str, str, str | None]) -> list[Object | None]:
    """The objects of these API versions, kinds, names and namespaces; None where there is none."""

    async def read() -> list[Object | None]:
        async with Client.connect(node.kubeconfig) as client:
            return [await _get(client, *each) for each in wanted]

    return asyncio.run(read())


async def _get(
    client: Client, api_version: str, kind: str, name: str, namespace: str | None
) -> Object | None:
    try:
        return await client.get(api_version, kind, name, namespace)
    except NotFound:
        return None


def tenant(name: str, **spec: Any) -> dict[str, Any]:
    """A Tenant with one owner."""
    return {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {"owners": [{"name": f"{name}-owner"}], **spec},
    }
