"""Two tenants under Manor, each with an owner, an editor and a viewer: what `manor verify` is tried
on."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from manor.api import Platform, Tenant
from manor.apply import wait, wait_enforced
from manor.kube import Client, NotFound
from manor.render import render_foundation, render_platform, render_tenant, spec_object
from manor.rollout.fixtures import define_kinds, definition
from manor.tools import turned_on
from waiting import until

Object = dict[str, Any]


def platform(**spec: Any) -> Platform:
    """A Platform as the embedded node is."""
    cidrs = {
        "podCidrs": ["10.244.0.0/16"],
        "serviceCidrs": ["10.96.0.0/16"],
        "nodeCidrs": ["172.30.0.0/16"],
    }
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
            "spec": {
                "owners": [{"name": f"{name}-user"}],
                "members": people,
                "quota": quota,
                **spec,
            },
        }
    )


STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard"},
    "provisioner": "example.com/none",
    "reclaimPolicy": "Delete",
}


async def queue_kinds(client: Client) -> None:
    """Kueue's kinds on an API server that lacks them."""
    kinds = {"LocalQueue": "Namespaced", "Workload": "Namespaced", "ClusterQueue": "Cluster"}
    made = [
        definition("kueue.x-k8s.io", "v1beta2", kind, f"{kind.lower()}s", scope)
        for kind, scope in kinds.items()
    ]
    await all_of(client, made)
    await wait(client, made, timeout=60)


async def all_of(client: Client, objects: list[Object]) -> None:
    """Applies objects in their order."""
    for obj in objects:
        await client.apply(obj, field_manager="tests", force=True)


async def counted(client: Client, resources: Iterable[str] = ()) -> None:
    """Waits until the quota controller knows the newest kinds, and `resources`: before, a quota on
    them refuses everything."""
    hard = {
        f"count/{name}": "1"
        for name in ("httproutes.gateway.networking.k8s.io", "models.manor.dev", *resources)
    }
    canary = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "canary", "namespace": "default"},
        "spec": {"hard": hard},
    }

    async def known() -> bool:
        with suppress(NotFound):
            await client.delete("v1", "ResourceQuota", "canary", "default")
        await client.create(canary)
        await asyncio.sleep(1)
        status = (await client.get("v1", "ResourceQuota", "canary", "default")).get("status", {})
        return len(status.get("used", {})) == len(hard)

    await until("the quota controller knows the kinds", known)
    await client.delete("v1", "ResourceQuota", "canary", "default")


async def settle(client: Client, world: Platform, tenants: list[Tenant]) -> None:
    """The platform and the tenants on a cluster that has the Gateway API's kinds."""
    foundation = render_foundation()
    await all_of(client, foundation)
    await wait(
        client, [obj for obj in foundation if obj["kind"] == "CustomResourceDefinition"], timeout=60
    )
    known, tools = {tenant.name: tenant for tenant in tenants}, turned_on(world, {})
    for tool in tools.tools:
        await define_kinds(client, tool)
    await counted(client, [rule.resource for rule in tools.rules if rule.counted])
    await all_of(client, [spec_object(world), *render_platform(world, tools)])
    await wait_enforced(client)
    await asyncio.gather(
        *(
            all_of(client, [spec_object(one), *render_tenant(world, one, known, tools)])
            for one in tenants
        )
    )
