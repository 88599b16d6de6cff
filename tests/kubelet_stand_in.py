"""Says of every pod and volume claim of a namespace that it is up, as a kubelet and a provisioner would.

On an API server alone nothing else does, and what waits for a Deployment or a Service would wait for ever.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from manor.kube import Client, NotFound
from nodes import RunningNode

UP: dict[str, dict[str, Any]] = {
    "Pod": {
        "phase": "Running",
        "podIP": "10.244.0.9",
        "podIPs": [{"ip": "10.244.0.9"}],
        "conditions": [{"type": "Ready", "status": "True"}],
    },
    "PersistentVolumeClaim": {"phase": "Bound"},
}


async def _say(client: Client, namespace: str) -> None:
    for kind, status in UP.items():
        for obj in await client.list("v1", kind, namespace):
            if obj.get("status", {}).get("phase") != status["phase"]:
                name = obj["metadata"]["name"]
                with suppress(NotFound):
                    await client.patch("v1", kind, name, {"status": status}, namespace=namespace, subresource="status")


@contextmanager
def everything_up(node: RunningNode, namespace: str) -> Iterator[None]:
    """Pods and claims of the namespace are up, as long as this lasts."""
    done = threading.Event()

    async def keep_saying() -> None:
        async with Client.connect(node.kubeconfig) as client:
            while not done.is_set():
                await _say(client, namespace)
                await asyncio.sleep(0.5)

    thread = threading.Thread(target=asyncio.run, args=(keep_saying(),))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
