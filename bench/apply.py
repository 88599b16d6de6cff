"""How fast `manor apply` writes, beside the rate at which the same API server takes the same
objects from a bare loop.

Both sides write the rendered objects of TENANTS new tenants by server-side apply over HTTP/1.1,
with the same number of requests in flight, fresh objects for each, in alternating order. The bare
loop knows nothing but URLs and bodies made beforehand, and that namespaces and ConfigMaps come
first. Ours reads what is there, refuses what is not its own, keeps an inventory for each tenant,
orders by waves and accounts for every object. Rates are in objects of the tenants per second; the
inventories that ours writes beside them do not count for it.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from ground import gateway_kinds
from ground.api_server import api_server
from ground.bare_loop import write_all
from manor.api import API_VERSION, Platform, Tenant
from manor.apply import Inventory, Options, apply
from manor.engines import compile_specs
from manor.kube import Client, Object
from manor.render import render_foundation, spec_object
from manor.rollout import ObjectSet, apply_set, each_set

BAR = 0.7
Sets = list[list[Object]]

PLATFORM = Platform.model_validate(
    {
        "apiVersion": API_VERSION,
        "kind": "Platform",
        "metadata": {"name": "manor"},
        "spec": {
            "domain": "bench.example",
            "contact": "platform@bench.example",
            "network": {
                "podCidrs": ["10.244.0.0/16"],
                "serviceCidrs": ["10.96.0.0/16"],
                "nodeCidrs": ["10.0.0.0/24"],
            },
            "gateway": {"className": "manor"},
            "registries": ["registry.bench.example"],
            "storageClasses": ["standard"],
        },
    }
)


def tenants(prefix: str, count: int) -> list[Tenant]:
    """Tenants like those of the examples, with a volume each."""
    return [
        Tenant.model_validate(
            {
                "apiVersion": API_VERSION,
                "kind": "Tenant",
                "metadata": {"name": f"{prefix}-{number:02}"},
                "spec": {
                    "owners": [{"name": f"{prefix}-{number:02}-user"}],
                    "members": [
                        {"name": f"{prefix}-{number:02}-team", "kind": "Group", "role": "editor"}
                    ],
                    "quota": {"cpu": 4, "memory": "8Gi", "storage": "20Gi"},
                    "volumes": [{"name": "models", "size": "1Gi"}],
                },
            }
        )
        for number in range(count)
    ]


def rendered(prefix: str, count: int) -> Sets:
    """The objects of each tenant, the Tenant itself first; without those that need CRDs
    of others."""
    made = tenants(prefix, count)
    compiled = compile_specs(PLATFORM, {tenant.name: tenant for tenant in made}, made)
    return [
        [
            spec_object(one.spec),
            *(obj for obj in one.objects if obj["kind"] not in ("Gateway", "HTTPRoute")),
        ]
        for one in compiled
    ]


async def ours(kubeconfig: Path, sets: Sets, concurrency: int) -> float:
    """Seconds that `manor apply` takes, from the rendered objects on."""
    began = time.perf_counter()
    parts = [
        ObjectSet(name, Inventory(name, "", API_VERSION, "Tenant"), tenant, objects)
        for tenant, *objects in sets
        for name in [tenant["metadata"]["name"]]
    ]
    async with Client.connect(kubeconfig, concurrency=concurrency) as client:
        for result in await each_set(parts, lambda part: apply_set(client, part, Options())):
            assert result.ok, [step for step in result if step.message]
    return time.perf_counter() - began


async def prepare(kubeconfig: Path) -> None:
    """The CRDs and the platform's own objects, which stand before any tenant, and a warm-up."""
    [platform] = compile_specs(PLATFORM, {}, [PLATFORM])
    # Without the admission policies: they impose an order that a bare loop does not know.
    made = [
        obj
        for obj in platform.objects
        if not obj["apiVersion"].startswith("admissionregistration.k8s.io/")
    ]
    objects = [*render_foundation(), spec_object(PLATFORM), *made]
    async with Client.connect(kubeconfig) as client:
        await gateway_kinds.install(client)
        result = await apply(client, objects, Inventory("bench"), Options(adopt=True))
        assert result.ok, [step for step in result if step.message]


async def measure(kubeconfig: Path, count: int, rounds: int, concurrency: int) -> bool:
    """Runs all rounds and prints them; whether the bar is reached."""
    await prepare(kubeconfig)
    sides: dict[str, Callable[[Path, Sets, int], Awaitable[float]]] = {
        "bare": write_all,
        "ours": ours,
    }
    stamp = f"{os.getpid() % 1000:03}"
    for name, side in sides.items():  # warm up
        await side(kubeconfig, rendered(f"w{stamp}{name[0]}", 5), concurrency)
    ratios, costs = [], []
    print(
        f"{count} tenants, {sum(map(len, rendered('t', count)))} objects a side, {concurrency} "
        f"requests in flight"
    )
    for number in range(rounds):
        rates, cpu = {}, {}
        for name in sorted(sides, reverse=bool(number % 2)):
            sets = rendered(f"r{stamp}{number}{name[0]}", count)
            before = await server_cpu(kubeconfig)
            seconds = await sides[name](kubeconfig, sets, concurrency)
            cpu[name] = await server_cpu(kubeconfig) - before
            rates[name] = sum(map(len, sets)) / seconds
        ratios.append(rates["ours"] / rates["bare"])
        costs.append(cpu["ours"] / cpu["bare"])
        print(
            f"round {number + 1}: bare {rates['bare']:6.0f}/s  ours {rates['ours']:6.0f}/s  "
            f"ratio {ratios[-1]:.2f};"
            f"  the server's CPU time {cpu['bare']:.1f} s and {cpu['ours']:.1f} s"
        )
    median = statistics.median(ratios)
    print(f"ratio: median {median:.2f}, from {min(ratios):.2f} to {max(ratios):.2f}; bar {BAR}")
    print(
        f"CPU time that ours costs the server, in that of bare: median "
        f"{statistics.median(costs):.2f}"
    )
    return median >= BAR


async def server_cpu(kubeconfig: Path) -> float:
    """Seconds of CPU time that the API server has used: a measure that other work on the machine
    disturbs less."""
    async with Client.connect(kubeconfig) as client:
        metrics = await client.request("GET", "/metrics")
    return next(
        float(line.split()[1])
        for line in metrics.splitlines()
        if line.startswith("process_cpu_seconds_total")
    )


def main() -> int:
    """Exit code 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kubeconfig", type=Path, help="an API server to fill; default: a throw-away one"
    )
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=32)
    given = parser.parse_args()
    with api_server(given.kubeconfig) as kubeconfig:
        good = asyncio.run(measure(kubeconfig, given.tenants, given.rounds, given.concurrency))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
