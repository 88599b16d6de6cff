"""Our inventories are kubectl's ApplySets: each side knows the other's, keeps off them, and can
take them over."""

import asyncio
import os
import subprocess
from typing import Any

import pytest
import yaml

from applied import exists, parent_of
from manor.apply import Inventory, InventoryError, apply, delete
from manor.kube import Client, Object
from manor.objectset.applyset import NAMESPACES, PART_OF, TOOLING

pytestmark = pytest.mark.integration


@pytest.fixture
def kubectl(api_node: Any) -> Any:
    """Runs kubectl with its apply sets switched on."""

    def run(*args: str, objects: list[Object] | None = None) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "KUBECONFIG": str(api_node.kubeconfig),
            "KUBECTL_APPLYSET": "true",
        }
        given = yaml.safe_dump_all(objects) if objects is not None else None
        return subprocess.run(
            ["kubectl", *args], input=given, capture_output=True, text=True, env=environment
        )

    return run


def applyset(inventory: Inventory) -> list[str]:
    """kubectl's arguments; it wants all that it is given to be in the namespace of the parent."""
    parent = f"--applyset=configmaps/{inventory.name}"
    return [
        "apply",
        "--server-side",
        "--force-conflicts",
        "-f",
        "-",
        "--prune",
        parent,
        "-n",
        inventory.namespace,
    ]


async def test_kubectl_refuses_our_set_and_we_refuse_kubectls(
    client: Client, area: Any, kubectl: Any
) -> None:
    await client.create(area.namespace())
    ours, theirs = Inventory("ours", area.name), Inventory("theirs", area.name)
    await apply(client, [area.config("a")], ours)
    done = kubectl(*applyset(ours), objects=[area.config("a")])
    assert done.returncode != 0
    assert 'managed by tooling "manor" instead of "kubectl"' in done.stderr
    done = kubectl(*applyset(theirs), objects=[area.config("b")])
    assert done.returncode == 0, done.stderr
    made = await client.get("v1", "ConfigMap", "b", area.name)
    assert (
        made["metadata"]["labels"][PART_OF] == theirs.id
    )  # both of us make the same ID of the same parent
    with pytest.raises(InventoryError, match="belongs to kubectl/"):
        await apply(client, [area.config("b")], theirs)
    with pytest.raises(InventoryError, match="belongs to kubectl/"):
        await delete(client, theirs)


async def test_kubectl_prunes_our_set_once_it_is_handed_over(
    client: Client, area: Any, kubectl: Any
) -> None:
    await asyncio.gather(*(client.create(area.namespace(name)) for name in ("", "far")))
    secret = {**area.config("s", place="far"), "kind": "Secret", "data": {}}
    inventory = Inventory("set", area.name)
    await apply(client, [area.config("one"), area.config("two"), secret], inventory)
    annotations = (await parent_of(client, inventory))["metadata"]["annotations"]
    assert annotations[TOOLING].startswith("manor/v")
    assert annotations[NAMESPACES] == area.place("far")
    handed = {"metadata": {"annotations": {TOOLING: "kubectl/v1.32"}}}
    await client.patch("v1", "ConfigMap", "set", handed, namespace=area.name)
    done = kubectl(*applyset(inventory), objects=[area.config("one")])
    assert done.returncode == 0, done.stderr
    pruned = sorted(line for line in done.stdout.splitlines() if "pruned" in line)
    assert pruned == ["configmap/two pruned", "secret/s pruned"]
    assert await exists(client, area.config("one"))
