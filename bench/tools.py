"""What each ML system costs a cluster, and what it refuses by itself.

On a whole node, one Tool after the other, each installed alone:

    ready      seconds of `manor tools install`, its images loaded
    memory     of its pods once they have been idle for a while, in MiB; cpu: in milli-cores
    own        of the attacks in its file, how many its own webhooks refuse where nothing of Manor
               is, asked by an administrator of the team's namespace
    Manor      how many are refused to the team's owner where Manor is
    tenant     seconds of `manor apply` of one more tenant that uses it, beside one that uses none
    pod        median milliseconds of a pod's creation in the two tenants, in turns

    python bench/tools.py [--node NAME] [--only TOOL ...]

Bar: a pod's creation within 1.05 of that in a tenant without Tools.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ground.administrator import PLATFORM, manor
from ground.api_server import whole_node
from manor.api import API_VERSION, Tool
from manor.kube import ApiError, Client, Object
from manor.rollout.fixtures import define_kinds
from manor.tools.objects import filled
from manor.tools.packs import shipped

PLAIN, USING, OWN = "bench-plain", "bench-using", "bench-own"
PODS, ROUNDS = 10, 6
IDLE_SECONDS = 30.0


@dataclass
class Row:
    """What one Tool costs."""

    name: str
    ready: float
    memory: float
    cpu: float
    own: str
    manor: str
    tenant: tuple[float, float]
    pod: tuple[float, float]

    def __str__(self) -> str:
        ratio = self.pod[1] / self.pod[0]
        return (
            f"{self.name:18} {self.ready:6.1f} s {self.memory:6.0f} {self.cpu:6.1f} "
            f"{self.own:>7} {self.manor:>7} {self.tenant[0]:7.2f} {self.tenant[1]:6.2f} s "
            f"{self.pod[0]:7.1f} {self.pod[1]:6.1f} ms  {ratio:4.2f}"
        )


def tenant(name: str, tools: Sequence[str]) -> Object:
    spec = {"owners": [{"name": f"{name}-owner"}], "tools": list(tools)}
    return {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": spec}


async def used(client: Client, namespaces: set[str]) -> tuple[float, float]:
    """Memory (MiB) and CPU (milli-cores) of the pods in the namespaces, by the kubelet."""
    (machine,) = await client.list("v1", "Node")
    path = f"/api/v1/nodes/{machine['metadata']['name']}/proxy/stats/summary"
    summary = await client.request("GET", path)
    pods = [pod for pod in summary["pods"] if pod["podRef"]["namespace"] in namespaces]
    memory = sum(pod.get("memory", {}).get("workingSetBytes", 0) for pod in pods) / 2**20
    return memory, sum(pod.get("cpu", {}).get("usageNanoCores", 0) for pod in pods) / 1e6


async def refused(client: Client, tool: Tool, namespace: str) -> int:
    """How many of the Tool's attacks are refused in the namespace; nothing is stored."""
    count, words = 0, {"tenant": namespace, "namespace": namespace, "domain": "bench.local"}
    for raw in attacks(tool):
        obj = filled(raw, words)
        obj["metadata"]["namespace"] = namespace
        try:
            await client.create(obj, dry_run=True)
        except ApiError:
            count += 1
    return count


def attacks(tool: Tool) -> list[Object]:
    return [raw for guardrail in tool.spec.guardrails for raw in guardrail.refuses]


def pod(namespace: str) -> Object:
    amounts = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}}
    container = {"name": "c", "image": "manor.local/base:0.1.0", "resources": amounts}
    # No node takes it: the creation alone is measured.
    spec = {"containers": [container], "nodeSelector": {"kubernetes.io/arch": "none"}}
    meta = {"generateName": "bench-", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


async def creations(client: Client) -> tuple[float, float]:
    """Median milliseconds of a pod's creation in the tenant without Tools, and in the other."""
    taken: dict[str, list[float]] = {PLAIN: [], USING: []}
    for _ in range(ROUNDS):
        for namespace, times in taken.items():
            owner = client.impersonate(f"{namespace}-owner")
            for _ in range(PODS):
                begun = time.monotonic()
                await owner.create(pod(namespace), dry_run=True)
                times.append((time.monotonic() - begun) * 1000)
    return statistics.median(taken[PLAIN]), statistics.median(taken[USING])


def wanted(names: Sequence[str]) -> list[Tool]:
    """The Tools with an installation of their own, each after what it needs."""
    return [
        tool for name, tool in shipped().items() if tool.spec.install and name in (names or [name])
    ]


async def measured(client: Client, kubeconfig: Path, name: str, tool: Tool) -> Row:
    chosen = [*tool.spec.needs, tool.name]
    seconds = 0.0
    for each in chosen:
        seconds = manor(kubeconfig, "tools", "install", each, "--node", name)
    await define_kinds(client, tool)  # a pack may speak of kinds that it does not install
    label = {f"tools.manor.dev/{each}": "true" for each in chosen}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OWN, "labels": label}}
    await client.apply(space, field_manager="bench", force=True)
    own = await refused(client, tool, OWN)
    await asyncio.sleep(IDLE_SECONDS)
    namespaces = {install.namespace for each in chosen if (install := shipped()[each].spec.install)}
    memory, cpu = await used(client, namespaces)
    platform = {**PLATFORM, "spec": {**PLATFORM["spec"], "tools": chosen}}
    manor(kubeconfig, "apply", "-f", "-", given=[platform])
    plain = manor(kubeconfig, "apply", "-f", "-", given=[tenant(PLAIN, [])])
    using = manor(kubeconfig, "apply", "-f", "-", given=[tenant(USING, chosen)])
    pods = await creations(client)
    kept = await refused(client.impersonate(f"{USING}-owner"), tool, USING)
    total = len(attacks(tool))
    spaces = [word for each in (PLAIN, USING) for word in ("--delete-namespace", each)]
    specs = [platform, tenant(PLAIN, []), tenant(USING, chosen)]
    manor(kubeconfig, "delete", "-f", "-", "--yes", "--delete-data", *spaces, given=specs)
    for each in reversed(chosen):
        manor(kubeconfig, "tools", "uninstall", each, "--yes")
    row = (f"{own}/{total}", f"{kept}/{total}")
    return Row(tool.name, seconds, memory, cpu, *row, (plain, using), pods)


async def run(name: str, kubeconfig: Path, only: Sequence[str]) -> None:
    print("tool                 ready    MiB  mcores   own   Manor  tenant without, with    pod")
    async with Client.connect(kubeconfig) as client:
        for tool in wanted(only):
            print(await measured(client, kubeconfig, name, tool), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--node", help="An embedded node that runs; a throw-away one when absent.")
    parser.add_argument("--only", nargs="+", default=[], help="Only these Tools.")
    options = parser.parse_args()
    with whole_node(options.node) as (name, kubeconfig):
        asyncio.run(run(name, kubeconfig, options.only))


if __name__ == "__main__":
    main()
