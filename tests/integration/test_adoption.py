"""Namespaces that people made, adopted as a Tenant and given back, on a real API server."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from manor.kube import Client
from nodes import MANOR

pytestmark = pytest.mark.integration

RBAC = "rbac.authorization.k8s.io/v1"
PAGE = (Path(__file__).parents[2] / "docs" / "adopt.md").read_text()
OPEN_AGAIN = re.findall(r"^    (kubectl .*shop .*)$", PAGE.partition("## Undo")[2], re.MULTILINE)
"""What the page says takes Manor's marks off a namespace."""


def manor(node: Any, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"KUBECONFIG": str(node.kubeconfig), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    return subprocess.run(
        [MANOR, *words], input=given, capture_output=True, text=True, env=environment, timeout=300
    )


async def people(client: Client, namespace: str, role: str, *names: str) -> None:
    """A RoleBinding as an administrator writes it."""
    subjects = [{"apiGroup": RBAC[:-3], "kind": "User", "name": name} for name in names]
    ref = {"apiGroup": RBAC[:-3], "kind": "ClusterRole", "name": role}
    meta = {"name": role, "namespace": namespace}
    binding = {"apiVersion": RBAC, "kind": "RoleBinding", "metadata": meta}
    await client.create({**binding, "roleRef": ref, "subjects": subjects})


async def test_namespaces_are_adopted_and_given_back_whole(
    platform_node: Any, client: Client
) -> None:
    for name in ("shop", "shop-dev"):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await client.create({**space})
        await people(client, name, "admin", "ada")
    await people(client, "shop", "edit", "eve")
    meta = {"name": "mine", "namespace": "shop"}
    await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}})
    words = ["import", "namespaces", "shop", "shop-dev", "--tenant", "shop"]

    plan = manor(platform_node, *words, "-o", "yaml")
    assert plan.returncode == 0, plan.stderr
    assert "edit of User eve in namespace shop alone" in plan.stderr
    refused = manor(platform_node, "apply", "-f", "-", "--no-wait", given=plan.stdout)
    assert "adopt it" in refused.stderr
    assert refused.returncode != 0

    adopted = manor(platform_node, "apply", "--adopt", "-f", "-", "--no-wait", given=plan.stdout)
    assert adopted.returncode == 0, adopted.stderr
    assert await client.get("v1", "ResourceQuota", "manor-quota", "shop-dev")
    again = manor(platform_node, *words)
    assert "already adopted" in again.stderr
    assert "shop: remains: shop: RoleBinding admin, edit: rights beside" in again.stderr

    undone = manor(platform_node, "delete", "-f", "-", "--yes", given=plan.stdout)
    assert undone.returncode == 0, undone.stdout + undone.stderr
    for name in ("shop", "shop-dev"):
        for command in OPEN_AGAIN:
            words = [word.replace("shop", name) for word in shlex.split(command)]
            done = subprocess.run(
                ["kubectl", "--kubeconfig", str(platform_node.kubeconfig), *words[1:]],
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
        held = await client.get("v1", "Namespace", name)
        assert list(held["metadata"]["labels"]) == ["kubernetes.io/metadata.name"]
        assert await names(client, RBAC, "RoleBinding", name) == (
            ["admin", "edit"] if name == "shop" else ["admin"]
        )
        for version, kind in (("networking.k8s.io/v1", "NetworkPolicy"), ("v1", "ResourceQuota")):
            assert await names(client, version, kind, name) == []
        account = await client.get("v1", "ServiceAccount", "default", name)
        assert "automountServiceAccountToken" not in account
    assert await client.get("v1", "ConfigMap", "mine", "shop")


async def names(client: Client, api_version: str, kind: str, namespace: str) -> list[str]:
    """The objects of a kind in a namespace."""
    return [each["metadata"]["name"] for each in await client.list(api_version, kind, namespace)]
