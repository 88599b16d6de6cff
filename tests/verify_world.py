"""Two tenants under Manor, each with an owner, an editor and a viewer: what `manor verify` is tried on."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import yaml

from manor.api import Platform, Tenant
from manor.apply import wait, wait_enforced
from manor.kube import Client, NotFound
from manor.local.binaries import obtain_folder
from manor.local.progress import Report as Progress
from manor.render import render_foundation, render_platform, render_tenant, spec_object
from manor.tools import NO_TOOLS, Toolset

Object = dict[str, Any]


def platform(**spec: Any) -> Platform:
    """A Platform as the embedded node is."""
    cidrs = {"podCidrs": ["10.244.0.0/16"], "serviceCidrs": ["10.96.0.0/16"], "nodeCidrs": ["172.30.0.0/16"]}
    return Platform.model_validate(
        {
            "apiVersion": "manor.dev/v1alpha1",
            "kind": "Platform",
            "spec": {
                "domain": "manor.local",
                "network": cidrs,
                "registries": ["manor.local"],
                "storageClasses": ["standard"],
                "images": {"training": "manor.local/base:0.1.0"},
                **spec,
            },
        }
    )


def tenant(name: str, **spec: Any) -> Tenant:
    """A tenant with someone of each role."""
    people = [{"name": f"{name}-{role}", "role": role} for role in ("editor", "viewer")]
    quota = {"cpu": "2", "memory": "4Gi", "storage": "2Gi", "pods": 20, "objects": 50}
    return Tenant.model_validate(
        {
            "apiVersion": "manor.dev/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": name},
            "spec": {"owners": [{"name": f"{name}-user"}], "members": people, "quota": quota, **spec},
        }
    )


STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard"},
    "provisioner": "example.com/none",
    "reclaimPolicy": "Delete",
}


async def gateway_kinds(client: Client) -> None:
    """The kinds of the Gateway API and the namespaces of front and proxies, on an API server that lacks them."""
    names = ("manor-front", "envoy-gateway-system")
    await all_of(client, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names])
    folder = obtain_folder("gateway-api", Progress())
    crds = [crd for path in sorted(folder.glob("*.yaml")) for crd in yaml.safe_load_all(path.read_text()) if crd]
    await all_of(client, crds)
    await wait(client, crds, timeout=60)


async def all_of(client: Client, objects: list[Object]) -> None:
    """Applies objects in their order."""
    for obj in objects:
        await client.apply(obj, field_manager="tests", force=True)


async def until(question: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    """Waits until the answer is yes."""
    end = time.monotonic() + seconds
    while not await question():
        assert time.monotonic() < end, f"after {seconds:g} s: {what}"
        await asyncio.sleep(0.5)


async def counted(client: Client) -> None:
    """Waits until the quota controller knows the newest kinds: before, a quota on them refuses everything."""
    canary = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "canary", "namespace": "default"},
        "spec": {"hard": {"count/httproutes.gateway.networking.k8s.io": "1", "count/models.manor.dev": "1"}},
    }

    async def known() -> bool:
        with suppress(NotFound):
            await client.delete("v1", "ResourceQuota", "canary", "default")
        await client.create(canary)
        await asyncio.sleep(1)
        status = (await client.get("v1", "ResourceQuota", "canary", "default")).get("status", {})
        return len(status.get("used", {})) == 2

    await until(known, 120, "the quota controller does not know the kinds")
    await client.delete("v1", "ResourceQuota", "canary", "default")


async def settle(client: Client, world: Platform, tenants: list[Tenant], tools: Toolset = NO_TOOLS) -> None:
    """The platform and the tenants on a cluster that has the Gateway API's kinds."""
    foundation = render_foundation()
    await all_of(client, foundation)
    await wait(client, [obj for obj in foundation if obj["kind"] == "CustomResourceDefinition"], timeout=60)
    await counted(client)
    known = {tenant.name: tenant for tenant in tenants}
    await all_of(client, [*map(spec_object, (*tools.tools, world)), *render_platform(world, tools)])
    await wait_enforced(client)
    await asyncio.gather(
        *(all_of(client, [spec_object(one), *render_tenant(world, one, known, tools)]) for one in tenants)
    )
