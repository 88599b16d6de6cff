"""How long `manor verify` takes for many tenants: the static and the dry-run level on an API server
alone.

The limit is the API server's own rate: beside the run stands the rate at which it answers the
cheapest question of a check, a SubjectAccessReview, from a bare loop with as many requests in
flight; the run's own rate is in the same unit.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from ground.api_server import api_server
from manor.api import API_VERSION, Platform, Tenant
from manor.apply import wait
from manor.kube import Client
from manor.local.binaries import obtain_folder
from manor.local.progress import Report as Progress
from manor.render import render_foundation, render_platform, render_tenant, spec_object
from manor.verify import Level, load, read_tenancy, verify

BAR = 60.0
"""Seconds for the static and the dry-run level together."""
LOOP = 4000
IN_FLIGHT = 64
Object = dict[str, Any]

PLATFORM = Platform.model_validate(
    {
        "apiVersion": API_VERSION,
        "kind": "Platform",
        "spec": {
            "domain": "bench.example",
            "network": {
                "podCidrs": ["10.244.0.0/16"],
                "serviceCidrs": ["10.96.0.0/16"],
                "nodeCidrs": ["10.0.0.0/24"],
            },
            "registries": ["registry.bench.example"],
            "storageClasses": ["standard"],
        },
    }
)
STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard"},
    "provisioner": "example.com/none",
}
CANARY: Object = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "canary", "namespace": "default"},
    "spec": {
        "hard": {"count/httproutes.gateway.networking.k8s.io": "1", "count/models.manor.dev": "1"}
    },
}


def tenants(count: int) -> dict[str, Tenant]:
    """Tenants with an owner, an editor and a viewer."""
    made = {}
    for name in (f"bench-{number:03}" for number in range(count)):
        spec = {
            "owners": [{"name": f"{name}-user"}],
            "members": [{"name": f"{name}-{role}", "role": role} for role in ("editor", "viewer")],
            "quota": {"cpu": 4, "memory": "8Gi", "storage": "20Gi"},
        }
        made[name] = Tenant.model_validate(
            {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": spec}
        )
    return made


async def put(client: Client, objects: list[Object]) -> None:
    """Applies objects in their order."""
    for obj in objects:
        await client.apply(obj, field_manager="bench", force=True)


async def until_counted(client: Client) -> None:
    """The quota controller learns of new kinds every half minute; quotas made before would refuse
    everything."""
    while True:
        await client.create(CANARY)
        await asyncio.sleep(1)
        status = (await client.get("v1", "ResourceQuota", "canary", "default")).get("status", {})
        await client.delete("v1", "ResourceQuota", "canary", "default")
        if len(status.get("used", {})) == len(CANARY["spec"]["hard"]):
            return


async def prepare(client: Client, made: dict[str, Tenant]) -> None:
    """The platform and the tenants, applied."""
    folder = obtain_folder("gateway-api", Progress())
    crds = [
        crd
        for path in sorted(folder.glob("*.yaml"))
        for crd in yaml.safe_load_all(path.read_text())
        if crd
    ]
    foundation = render_foundation()
    gateways = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in PLATFORM.spec.data_plane_namespaces
    ]
    await put(client, [*crds, STORAGE_CLASS, *gateways, *foundation])
    await wait(
        client, [obj for obj in [*crds, *foundation] if "CustomResource" in obj["kind"]], timeout=60
    )
    await until_counted(client)
    await put(client, [spec_object(PLATFORM), *render_platform(PLATFORM)])
    slots = asyncio.Semaphore(16)

    async def one(tenant: Tenant) -> None:
        async with slots:
            await put(client, [spec_object(tenant), *render_tenant(PLATFORM, tenant, made)])

    await asyncio.gather(*(one(tenant) for tenant in made.values()))
    await _until_quotas_work(client)


async def _until_quotas_work(client: Client) -> None:
    while not all(
        q.get("status", {}).get("used") for q in await client.list("v1", "ResourceQuota")
    ):
        await asyncio.sleep(0.5)


async def bare_rate(client: Client) -> float:
    """SubjectAccessReviews per second from a bare loop."""
    spec = {
        "user": "nobody",
        "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"},
    }
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one() -> None:
        async with slots:
            await client.request(
                "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=body
            )

    begun = time.monotonic()
    await asyncio.gather(*(one() for _ in range(LOOP)))
    return LOOP / (time.monotonic() - begun)


async def run(kubeconfig: Path, count: int) -> int:
    """Prepares, measures, prints; the exit code."""
    async with Client.connect(kubeconfig, concurrency=IN_FLIGHT) as client:
        made = tenants(count)
        begun = time.monotonic()
        await prepare(client, made)
        print(f"{count} tenants applied in {time.monotonic() - begun:.1f} s")
        rate = await bare_rate(client)
        tenancy = await read_tenancy(client)
        report = await verify(client, tenancy, load(), Level.DRY_RUN)
    asked = sum(len(result.attempts) for result in report.results)
    print(
        f"{len(report.results)} checks, {asked} trials on {len(report.tenants)} tenants: "
        f"{report.verdict}"
    )
    print(report.sampling)
    print(f"bare loop: {rate:.0f} requests/s; manor verify: {asked / report.seconds:.0f} trials/s")
    print(f"static and dry-run: {report.seconds:.1f} s (bar: {BAR:.0f} s)")
    for result in report.results:
        if result.telling is not None:
            print(f"  {result.check.id} {result.status}: {result.reason[:300]}")
    return 0 if report.seconds <= BAR and report.exit_code == 0 else 1


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=100)
    parser.add_argument(
        "--kubeconfig", type=Path, help="an empty API server; one is made where it is not given"
    )
    options = parser.parse_args()
    with api_server(options.kubeconfig) as kubeconfig:
        sys.exit(asyncio.run(run(kubeconfig, options.tenants)))


if __name__ == "__main__":
    main()
