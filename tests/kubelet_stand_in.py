"""Says of every pod and volume claim of some namespaces that it is up, or has come to its end, as a
kubelet and a provisioner would; lets pods go.

On an API server alone nothing else does, and what waits for a Deployment or a Service would wait
for ever.
"""

import asyncio
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from itertools import product

from manor.kube import ApiError, Client, Object
from nodes import RunningNode

NODE = "stand-in"
UP = {
    "phase": "Running",
    "podIP": "10.244.0.9",
    "podIPs": [{"ip": "10.244.0.9"}],
    "conditions": [{"type": "Ready", "status": "True"}],
}

ENDED = {"phase": "Succeeded"}


async def _care(client: Client, pod: Object) -> None:
    meta = pod["metadata"]
    if "deletionTimestamp" in meta:
        await client.delete("v1", "Pod", meta["name"], meta["namespace"], grace_seconds=0)
        return
    if "nodeName" not in pod["spec"]:
        place = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": meta["name"]},
            "target": place,
        }
        await client.request(
            "POST", f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding", body=body
        )
    status = UP if pod["spec"]["restartPolicy"] == "Always" else ENDED
    if pod["status"]["phase"] != status["phase"]:
        await client.patch(
            "v1",
            "Pod",
            meta["name"],
            {"status": status},
            namespace=meta["namespace"],
            subresource="status",
        )


async def _provide(client: Client, claim: Object) -> None:
    meta, spec = claim["metadata"], claim["spec"]
    if claim["status"].get("phase") == "Bound":
        return
    volume = {
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "accessModes": spec["accessModes"],
        "storageClassName": spec.get("storageClassName", ""),
        "hostPath": {"path": "/nowhere"},
        "claimRef": {"namespace": meta["namespace"], "name": meta["name"]},
    }
    name = f"{meta['namespace']}-{meta['name']}"
    await client.create(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume}
    )


KINDS = {"Pod": _care, "PersistentVolumeClaim": _provide}


async def _keep_saying(
    node: RunningNode, namespaces: Collection[str], done: threading.Event
) -> None:
    async with Client.connect(node.kubeconfig) as client:
        await client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
        while not done.is_set():
            for namespace, (kind, care) in product(namespaces, KINDS.items()):
                for obj in await client.list("v1", kind, namespace):
                    # It may be gone by now, or have been seen to already.
                    with suppress(ApiError):
                        await care(client, obj)
            await asyncio.sleep(0.5)
        await client.delete("v1", "Node", NODE)


@contextmanager
def everything_up(node: RunningNode, *namespaces: str) -> Iterator[None]:
    """Pods and claims of the namespaces are up, as long as this lasts."""
    done = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_keep_saying(node, namespaces, done)))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
