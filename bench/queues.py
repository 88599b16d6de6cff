"""What Manor's policies cost a cluster that queues many jobs: Kueue's own scale test, in shape.

On a whole node, with the queues that Manor makes for 30 teams in one cohort, the real Kueue, and
nodes and pods that kwok simulates. Each round makes jobs as the teams' owners, in Kueue's mix
(of 500: 350 of one GPU, 100 of 5, 50 of 20), and waits until all are done: in turns with Manor's
admission policies in force, and with their bindings taken away.

    python bench/queues.py                      four rounds of 1,500 jobs
    python bench/queues.py --jobs 15000 --rounds 2

Bar: with policies within 1.05 of without. Kueue's figure for 15,000 workloads and 30 queues is
351 s; its workloads have neither jobs nor pods behind them, and its machine has more cores.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from ground.administrator import PLATFORM, manor
from ground.api_server import whole_node
from ground.process import Process, running
from manor.api import API_VERSION
from manor.kube import Client, Object

KWOK, VERSION = "sigs.k8s.io/kwok", "v0.8.0"
TEAMS = [f"team-{number:02}" for number in range(30)]
GUARANTEE, BORROW = 20, 100
MIX = [1] * 7 + [5] * 2 + [20]
"""GPUs of each of ten jobs."""
IN_FLIGHT = 32
BINDING = ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")
PATIENCE = 3600.0
WITH_QUEUES = {"tools": ["kueue"], "engines": {"queue": "kueue"}}


def tenant(name: str) -> Object:
    spec = {
        "owners": [{"name": f"{name}-owner"}],
        "quota": {"cpu": 100, "memory": "200Gi", "storage": "1Gi"},
        "gpu": {"guarantee": GUARANTEE, "borrow": BORROW},
    }
    return {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": spec}


def node(name: str) -> Object:
    """A node that kwok plays, with more than all teams may hold."""
    amounts = {
        "cpu": "4000",
        "memory": "8000Gi",
        "ephemeral-storage": "8000Gi",
        "pods": "10000",
        "nvidia.com/gpu": "10000",
    }
    meta = {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    status = {"capacity": amounts, "allocatable": amounts}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": status}


def kwok() -> list[str]:
    """The program, built from its Go module once, and the module's own word on how simulated nodes
    and pods go on: ready at once, and what a Job made ends at once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "manor", "bench")
    if not (cache / "kwok").exists():
        print(f"building {KWOK}", file=sys.stderr)
        command = ["go", "install", f"{KWOK}/cmd/kwok@{VERSION}"]
        subprocess.run(command, check=True, env={**os.environ, "GOBIN": str(cache)})
    module = ["go", "mod", "download", "-json", f"{KWOK}@{VERSION}"]
    said = subprocess.run(module, capture_output=True, check=True)
    stages = Path(json.loads(said.stdout)["Dir"], "kustomize", "stage")
    found = [
        path for kind in ("node", "pod") for path in sorted(stages.glob(f"{kind}/fast/{kind}-*"))
    ]
    return [str(cache / "kwok"), *(f"--config={stage}" for stage in found)]


def jobs(count: int) -> Iterator[tuple[str, Object]]:
    """Jobs, each with its team, the teams in turn and each team in Kueue's mix."""
    of_team = [(team, gpus) for gpus in MIX for team in TEAMS]
    for team, gpus in islice(cycle(of_team), count):
        amounts = {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"}
        container = {
            "name": "c",
            "image": "manor.local/base:0.1.0",
            "resources": {
                "requests": amounts,
                "limits": {"memory": "1Mi", "nvidia.com/gpu": str(gpus)},
            },
        }
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        meta: Object = {"generateName": "bench-", "namespace": team}
        meta["labels"] = {"kueue.x-k8s.io/queue-name": "default"}
        yield (
            team,
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": meta,
                "spec": {"template": template, "backoffLimit": 0},
            },
        )


async def round_of(client: Client, count: int) -> tuple[float, float]:
    """Seconds to make this many jobs, and until all are done."""
    begun = time.monotonic()
    owners = {team: client.impersonate(f"{team}-owner") for team in TEAMS}
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def make(team: str, job: Object) -> None:
        async with slots:
            await owners[team].create(job)

    await asyncio.gather(*(make(team, job) for team, job in jobs(count)))
    made = time.monotonic() - begun
    # One of those that are not done is enough to see, and costs the server little.
    one = {"fieldSelector": "status.successful=0", "limit": "1"}
    while left := (await client.request("GET", "/apis/batch/v1/jobs", params=one))["items"]:
        if time.monotonic() - begun > PATIENCE:
            sys.exit(f"after {PATIENCE:g} s a job is not done: {left[0]['status']}")
        await asyncio.sleep(1)
    done = time.monotonic() - begun
    for team in TEAMS:
        await client.delete_collection("batch/v1", "Job", team)
    while any([await client.list("v1", "Pod", team) for team in TEAMS]):
        await asyncio.sleep(1)
    return made, done


def server(name: str) -> Process:
    """The API server of the node."""
    pattern = f"/{name}/bin/kube-apiserver"
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=True)
    return Process(int(found.stdout.split()[0]))


async def compared(client: Client, name: str, count: int, rounds: int) -> None:
    process = server(name)
    bindings = [
        one for one in await client.list(*BINDING) if one["metadata"]["name"].startswith("manor-")
    ]
    taken: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    print(f"{count} jobs a round, {len(TEAMS)} queues; {len(bindings)} policies")
    print("policies     made     done   jobs/s   API server")
    for number in range(rounds):
        guarded = number % 2 == 0
        for binding in bindings:
            if guarded:
                await client.apply(bare(binding), field_manager="bench", force=True)
            else:
                await client.delete(*BINDING, binding["metadata"]["name"])
        await asyncio.sleep(5)  # until the API server has heard of it
        before = process.cpu()
        made, done = await round_of(client, count)
        spent = process.cpu() - before
        taken[guarded].append((done, spent))
        word = "with" if guarded else "without"
        print(
            f"{word:8} {made:6.1f} s {done:6.1f} s {count / done:8.1f} {spent:8.1f} core s",
            flush=True,
        )
    for part, what in ((0, "seconds until all are done"), (1, "core seconds of the API server")):
        with_, without = (statistics.mean(one[part] for one in taken[of]) for of in (True, False))
        print(f"{what}, with to without: {with_ / without:.2f}")


def bare(binding: Object) -> Object:
    meta = binding["metadata"]
    kept = {key: meta[key] for key in ("name", "labels", "annotations") if key in meta}
    return {**{key: binding[key] for key in ("apiVersion", "kind", "spec")}, "metadata": kept}


async def run(name: str, kubeconfig: Path, count: int, rounds: int) -> None:
    async with Client.connect(kubeconfig) as client:
        platform = {**PLATFORM, "spec": {**PLATFORM["spec"], **WITH_QUEUES}}
        manor(kubeconfig, "tools", "install", "kueue", "--node", name)
        await client.create(node("kwok-0"))  # after Kueue, whose pod belongs on a real node
        manor(kubeconfig, "apply", "-f", "-", given=[platform, *map(tenant, TEAMS)])
        await compared(client, name, count, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1500, help="Of each round.")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--node", help="An embedded node that runs; a throw-away one when absent.")
    options = parser.parse_args()
    command = kwok()
    with TemporaryDirectory() as folder, whole_node(options.node) as (name, kubeconfig):
        command += [
            f"--kubeconfig={kubeconfig}",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        ]
        with running(command, Path(folder, "kwok.log")):
            try:
                asyncio.run(run(name, kubeconfig, options.jobs, options.rounds))
            except SystemExit:
                print(Path(folder, "kwok.log").read_text()[-2000:], file=sys.stderr)
                raise


if __name__ == "__main__":
    main()
