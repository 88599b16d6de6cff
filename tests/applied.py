"""What the tests of apply look at, and a kind of their own."""

from typing import Any

from manor.apply import Inventory
from manor.kube import Client, NotFound, Object


def fates(steps: Any) -> dict[str, str]:
    return {f"{step.ref.kind}/{step.ref.name}": step.action.value for step in steps}


async def exists(client: Client, obj: Object) -> bool:
    meta = obj["metadata"]
    try:
        live = await client.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
    except NotFound:
        return False
    return "deletionTimestamp" not in live["metadata"]


async def gone(client: Client, obj: Object) -> bool:
    return not await exists(client, obj)


async def parent_of(client: Client, inventory: Inventory) -> Object:
    return await client.get(
        inventory.api_version, inventory.kind, inventory.name, inventory.namespace or None
    )


def crd(area: Any, **meta: Any) -> Object:
    group = f"{area.name}.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}", **meta},
        "spec": {
            "group": group,
            "scope": "Cluster",
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
