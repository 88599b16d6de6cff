"""What many tenants cost: every command at 100, 1,000 and 5,000 of them, beside a bare loop of the
same writes.

For each size one API server is filled by `manor apply`, with a file for each team, as users have
it; then each command runs once as a user would run it, and its seconds, memory and requests are
noted. A bare loop of prepared requests writes the objects of other tenants to the same server
before and after: its rate is what the server can take.

    python bench/scale.py                      100, 1,000 and 5,000 tenants
    python bench/scale.py --tenants 100 1000
    python bench/scale.py --tenants 1000 --tools kueue kserve    where the Platform has these on

Bars, on two cores: apply at least 0.9 of the bare loop; one changed tenant within 2 s; rendering
5,000 within 8 s and 500 MB; checks of 5,000 within 1 s; at 5,000 a tenant costs at most 1.3 times
what it costs at 100.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from ground import gateway_kinds
from ground.api_server import MANOR, api_server
from ground.bare_loop import objects_of, write_all
from manor.api import API_VERSION
from manor.kube import Client, Object
from manor.load import Document, read, specs_from
from manor.render import spec_object
from manor.rollout.fixtures import define_kinds
from manor.tools import NO_TOOLS, Toolset
from manor.tools.packs import shipped

SIZES = (100, 1000, 5000)
BARE_PART = 0.1
"""Of the tenants, how many more the bare loop makes before, and again after."""
BARE_LEAST = 20

DISPATCHED = r'^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="exempt".*\} (\d+)'
"""An administrator's requests, as the API server counts them."""

PLATFORM: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": "Platform",
    "metadata": {"name": "manor"},
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


def tenant(name: str, cpu: int = 4) -> dict[str, object]:
    """A team as most are: an owner, a group of editors, a budget, a volume. Its user IDs are told:
    of so many names some have the same by themselves, and Manor refuses them."""
    letter, number = name[0], int(name[1:])
    return {
        "apiVersion": API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {
            "owners": [{"name": f"{name}-owner"}],
            "members": [{"name": f"{name}-team", "kind": "Group", "role": "editor"}],
            "quota": {"cpu": cpu, "memory": "8Gi", "storage": "20Gi"},
            "volumes": [{"name": "models", "size": "1Gi"}],
            "firstUserId": ord(letter) * 10_000_000 + number * 100,
        },
    }


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    megabytes: float
    requests: int = 0


def timed(*arguments: str, ok: Sequence[int] = (0,)) -> Cost:
    """Runs `manor` as a user would."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [MANOR, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr
    told = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in ok:
        raise SystemExit(f"error: manor {' '.join(arguments)}: exit code {code}: {told[-800:]}")
    return Cost(time.perf_counter() - began, used.ru_maxrss / 1024)


async def requests(kubeconfig: Path) -> int:
    """How many requests of clients the server has answered; not its own, nor the controllers'."""
    async with Client.connect(kubeconfig) as client:
        metrics = str(await client.request("GET", "/metrics"))
    return sum(map(int, re.findall(DISPATCHED, metrics, re.MULTILINE)))


async def prepare(kubeconfig: Path, tools: Toolset = NO_TOOLS) -> None:
    """The kinds that the way in needs, and those of Tools."""
    async with Client.connect(kubeconfig) as client:
        await gateway_kinds.install(client)
        for tool in tools.tools:
            await define_kinds(client, tool)


class Run:
    """One size on one API server."""

    def __init__(self, kubeconfig: Path, folder: Path, size: int, tools: Toolset) -> None:
        self.kubeconfig, self.folder, self.size, self.tools = kubeconfig, folder, size, tools
        names = [tool.name for tool in tools.tools]
        self.platform = {**PLATFORM, "spec": {**PLATFORM["spec"], "tools": names}}

    def manor(self, what: str, *arguments: str, ok: Sequence[int] = (0,)) -> Cost:
        """Runs a command, and tells what it took."""
        before = asyncio.run(requests(self.kubeconfig))
        cost = timed(*arguments, "--kubeconfig", str(self.kubeconfig), ok=ok)
        asked = asyncio.run(requests(self.kubeconfig)) - before
        self.told(what, Cost(cost.seconds, cost.megabytes, asked))
        return cost

    def told(self, what: str, cost: Cost) -> None:
        """Prints what something took."""
        each = 1000 * cost.seconds / self.size
        print(
            f"{what:22} {cost.seconds:9.2f} {each:10.2f} {cost.megabytes:6.0f} {cost.requests:9}",
            flush=True,
        )

    def bare_rate(self, prefix: str) -> float:
        """Objects a second that the bare loop writes."""
        count = max(BARE_LEAST, int(self.size * BARE_PART))
        sets = self.objects_of([tenant(f"{prefix}{number:04}") for number in range(count)])
        seconds = asyncio.run(write_all(self.kubeconfig, sets))
        return sum(map(len, sets)) / seconds

    def objects_of(self, tenants: Sequence[Mapping[str, object]]) -> list[list[Object]]:
        """The objects of each tenant."""
        return objects_of(self.platform, tenants, self.tools)

    def go(self) -> float:
        """Everything; the ratio of `manor apply` to the bare loop."""
        teams = self.folder / "teams"
        teams.mkdir()
        (self.folder / "platform.yaml").write_text(yaml.safe_dump(self.platform))
        for number in range(self.size):
            (teams / f"t{number:04}.yaml").write_text(yaml.safe_dump(tenant(f"t{number:04}")))
        everything = ("-f", str(self.folder / "platform.yaml"), "-f", str(teams))
        title = f"{self.size} tenants"
        print(f"{title:22} {'seconds':>9} {'ms/tenant':>10} {'MB':>6} {'requests':>9}")
        self.told("render", timed("render", *everything))
        self.told("check", self.check())
        asyncio.run(prepare(self.kubeconfig, self.tools))
        timed(
            "apply",
            "-f",
            str(self.folder / "platform.yaml"),
            "--no-wait",
            "--kubeconfig",
            str(self.kubeconfig),
        )
        rates = [self.bare_rate("b")]
        applied = self.manor("apply", "apply", *everything, "--no-wait")
        rates.append(self.bare_rate("c"))
        written = sum(map(len, self.objects_of([tenant("t0000")]))) * self.size
        self.manor("diff, nothing to do", "diff", *everything)
        self.manor("apply again", "apply", *everything, "--no-wait")
        changed = teams / "t0042.yaml"
        changed.write_text(yaml.safe_dump(tenant("t0042", cpu=5)))
        self.manor("one changed of all", "apply", "-f", str(changed), "--no-wait")
        self.manor("get tenants", "get", "tenants")
        self.manor("verify, static", "verify", "--level", "static", ok=(0, 1, 2))
        # The mean of seconds, not of rates.
        ratio = written / applied.seconds * mean(1 / rate for rate in rates)
        print(
            f"{written} objects; bare loop {rates[0]:.0f} and {rates[1]:.0f} objects/s; "
            f"apply to it: {ratio:.2f}\n",
            flush=True,
        )
        return ratio

    def check(self) -> Cost:
        """What all specs claim, beside each other, once they are read."""
        documents = read([self.folder / "platform.yaml", self.folder / "teams"])
        documents = [Document(spec_object(spec), "", {(): 0}) for spec in specs_from(documents).all]
        began = time.process_time()
        specs_from(documents)
        return Cost(time.process_time() - began, 0)


def main() -> int:
    """Exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tenants", type=int, nargs="+", default=SIZES)
    parser.add_argument("--tools", nargs="+", default=[], help="Tools that the Platform has on.")
    options = parser.parse_args()
    tools = Toolset(tuple(shipped()[name] for name in options.tools))
    missed = False
    for size in options.tenants:
        with TemporaryDirectory() as folder, api_server() as kubeconfig:
            missed |= Run(kubeconfig, Path(folder), size, tools).go() < 0.9
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
