"""Pulumi programs whose Kubernetes resources are made for real, as Pulumi's provider makes them.

The provider is Go, and is not here. What is done instead is what its source (4.34) does with upsertExistingObjects:
server-side apply under the manager of the annotation pulumi.com/patchFieldManager, forced where pulumi.com/patchForce
says so, as a dry run in a preview; a type that ends in Patch names the kind before it.
"""

import asyncio
import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manor.kube import Client

RANDOM_MANAGER = "pulumi-kubernetes-0a1b2c3d"


class Cluster:
    """A client on a loop of its own, for calls from the threads in which registrations run."""

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop, *, preview: bool = False) -> None:
        self._client = client
        self._loop = loop
        self._preview = preview

    def make(self, type_: str, _name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """What the provider would do for a resource; other providers' resources become their inputs."""
        if not type_.startswith("kubernetes:"):
            return inputs
        controls = inputs["metadata"].get("annotations", {})
        manager = controls.get("pulumi.com/patchFieldManager", RANDOM_MANAGER)
        force = controls.get("pulumi.com/patchForce") == "true"
        applied = self._client.apply(copy.deepcopy(inputs), field_manager=manager, force=force, dry_run=self._preview)
        return asyncio.run_coroutine_threadsafe(self._patiently(applied, inputs), self._loop).result()

    async def _patiently(self, applied: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        live: dict[str, Any] = await applied
        if inputs["kind"] == "CustomResourceDefinition" and not self._preview:
            await self._established(live["metadata"]["name"])
        return live

    async def _established(self, name: str) -> None:
        while True:
            live = await self._client.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
            conditions = {c["type"]: c["status"] for c in (live.get("status") or {}).get("conditions") or []}
            if conditions.get("Established") == "True":
                return
            await asyncio.sleep(0.1)


@contextmanager
def connected(kubeconfig: Path, *, preview: bool = False) -> Iterator[Cluster]:
    """A cluster for a program to run against."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    context = Client.connect(kubeconfig)
    client = wait(context.__aenter__())
    try:
        yield Cluster(client, loop, preview=preview)
    finally:
        wait(context.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
