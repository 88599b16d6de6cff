"""The operator at 100, 1,000 and 5,000 tenants, beside a bare loop of the same writes.

For each size one API server gets that many Tenants at once, and the operator makes them so; then
some more at a steady rate; then it rests; somebody changes and deletes what it made; it is ended
and begins anew. A bare loop of prepared requests writes the objects of other tenants to the same
server before and after: its rate is what the server can take. Seconds are of this machine as busy
as it is; ratios to the bare loop, requests and seconds of a core hardly are. A last bare loop
writes with the operator's own account: of an administrator the API server asks no role binding, of
everyone else it reads them all for each request.

    python bench/reconcile.py                      100, 1,000 and 5,000 tenants
    python bench/reconcile.py --tenants 1000 --idle 10

Bars: at 1,000 tenants at least 0.75 of the bare loop's rate; created to Ready at 10 a second within
1 s (p99); 250 MiB at 1,000 and 400 MiB at 5,000; a tenant of 5,000 costs at most 1.3 times what one
of 100 costs; from start to steady within 30 s at 1,000, and without a write; no write at rest;
drift put right within 2 s (p99); 1,000 tenants listed within 0.5 s. Others, by their own words or
as measured before: Flux 2.9 takes 4 min 13 s for 1,000 Kustomizations at 223 MiB; Capsule made 2.2
tenants a second where the bare loop made 27.6.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import yaml

from ground import flows
from ground.api_server import api_server
from ground.bare_loop import objects_of, write_all
from ground.drift import put_right
from ground.operating import CREDENTIALS, Operator, credentials, operating
from ground.readiness import all_isolated, create_all, following, offer
from manor.api.wellknown import OPERATOR, SYSTEM_NAMESPACE
from manor.kube import Client
from manor.limits import limits, override
from manor.render.objects import make
from scale import PLATFORM, prepare, tenant, timed

SIZES = (100, 1000, 5000)
BARE_PART, BARE_LEAST, BARE_MOST = 0.1, 20, 100
"""Of the tenants, how many more the bare loop makes before, and again after."""
OFFERED, RATE = 100, 10.0
"""Tenants that are made one after the other, and how many of them a second."""
DRIFT = 100
"""Objects that somebody changes or deletes."""
LISTED = 7
"""How often all tenants are listed."""
PAUSED = {"manor.dev/paused": "written by a bare loop"}
"""Keeps the operator off the bare loop's tenants."""
PATIENCE = 3600.0
"""Seconds after which tenants that are not Ready end the run."""


@dataclass
class Work:
    """What the operator did meanwhile."""

    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of a core."""
    requests: Counter[str] = field(default_factory=Counter)

    def each(self, tenants: int) -> str:
        """What it was for one tenant."""
        asked = ", ".join(
            f"{verb} {count / tenants:.2f}" for verb, count in self.requests.most_common() if count
        )
        return f"{1000 * self.cpu / tenants:.1f} ms of a core; requests: {asked or 'none'}"

    def __str__(self) -> str:
        asked = ", ".join(f"{verb} {n}" for verb, n in self.requests.most_common() if n)
        return f"{self.seconds:.1f} s, {self.cpu:.2f} s of a core; requests: {asked or 'none'}"


class Meter:
    """Measures the operator's work between two moments."""

    def __init__(self, client: Client, operator: Operator) -> None:
        self._client, self._operator = client, operator

    async def begin(self) -> None:
        self._cpu, self._at = self._operator.process.cpu(), time.monotonic()
        self._requests = await flows.counted(self._client)

    async def work(self, until: float | None = None) -> Work:
        """Since the beginning; `until`: the moment at which it was done."""
        requests = await flows.counted(self._client)
        requests.subtract(self._requests)
        seconds = (until or time.monotonic()) - self._at
        return Work(seconds, self._operator.process.cpu() - self._cpu, requests)


@dataclass
class Found:
    """What came of one size."""

    size: int
    bare: list[float] = field(default_factory=list)
    """Tenants a second, before and after."""
    own: float = 0.0
    """The same by the operator's account, after."""
    rate: float = 0.0
    """Tenants Ready a second."""
    made: Work = field(default_factory=Work)
    memory: float = 0.0
    peak: float = 0.0
    offered: list[float] = field(default_factory=list)
    """Seconds from creation to Ready, at the steady rate."""
    idle: Work = field(default_factory=Work)
    drift: list[float] = field(default_factory=list)
    """Seconds until each object was put right."""
    listed: list[float] = field(default_factory=list)
    """Seconds of `manor get tenants`."""
    restart: Work = field(default_factory=Work)

    @property
    def ratio(self) -> float:
        """The operator's rate to the bare loop's, before and after: the mean of their seconds."""
        return self.rate * mean(1 / rate for rate in self.bare)

    def bars(self) -> dict[str, bool]:
        """What is asked of this size, and whether it is so."""
        bars = {
            "Ready within 1 s (p99)": percentile(self.offered, 0.99) <= 1.0,
            "no write at rest": not flows.writes(self.idle.requests),
            "no write after a restart": not flows.writes(self.restart.requests),
            "drift put right within 2 s (p99)": percentile(self.drift, 0.99) <= 2.0,
            "250 MiB, 400 above 1,000": self.memory <= (250 if self.size <= 1000 else 400),
        }
        if self.size <= 1000:
            bars["0.75 of the bare loop"] = self.ratio >= 0.75
            bars["steady within 30 s"] = self.restart.seconds <= 30
            bars["listed within 0.5 s"] = percentile(self.listed, 0.5) <= 0.5
        return bars


class Run:
    """One size on one API server."""

    def __init__(self, kubeconfig: Path, folder: Path, size: int, idle: float) -> None:
        self.kubeconfig, self.folder, self.idle = kubeconfig, folder, idle
        self.log = folder / "operator.log"
        self.found = Found(size)

    def bare(self, prefix: str, writer: Path | None = None) -> float:
        """Tenants a second that the bare loop writes; all but the Tenants by another account."""
        count = min(BARE_MOST, max(BARE_LEAST, int(self.found.size * BARE_PART)))
        sets = objects_of(PLATFORM, [tenant(f"{prefix}{number:04}") for number in range(count)])
        for first, *_ in sets:
            first["metadata"]["annotations"] = PAUSED
        specs, made = [objects[:1] for objects in sets], [objects[1:] for objects in sets]
        took = asyncio.run(write_all(self.kubeconfig, specs))
        return count / (took + asyncio.run(write_all(writer or self.kubeconfig, made)))

    def go(self) -> Found:
        """Everything."""
        platform = self.folder / "platform.yaml"
        platform.write_text(yaml.safe_dump(PLATFORM))
        asyncio.run(prepare(self.kubeconfig))
        timed("apply", "-f", str(platform), "--no-wait", "--kubeconfig", str(self.kubeconfig))
        self.found.bare.append(self.bare("b"))
        asyncio.run(self.operate())
        self.found.bare.append(self.bare("c"))
        self.found.own = self.bare("d", self.folder / CREDENTIALS)
        return self.found

    async def operate(self) -> None:
        """All that the operator is measured by."""
        patient = replace(limits().kube, connect=60.0)  # a server at its limit is slow to answer
        with override(kube=patient):
            await self._operate()

    async def _operate(self) -> None:
        async with Client.connect(self.kubeconfig) as client:
            await flows.install(client)
            config = await credentials(client, self.kubeconfig, self.folder)
            async with operating(config, self.log) as operator:
                await operator.steady()
                await self.fill(client, operator)
                await self.trickle(client)
                await all_isolated(client, PATIENCE)
                await operator.steady()
                await self.rest(client, operator)
                await self.list(client)
                names = [f"t{number:04}" for number in range(min(DRIFT, self.found.size))]
                self.found.drift = await put_right(client, names)
                await operator.steady()
            async with operating(config, self.log) as operator:
                meter = Meter(client, operator)
                await meter.begin()
                self.found.restart = await meter.work(await operator.steady())

    async def fill(self, client: Client, operator: Operator) -> None:
        """All tenants at once."""
        tenants = [tenant(f"t{number:04}") for number in range(self.found.size)]
        meter = Meter(client, operator)
        await meter.begin()
        async with following(client) as readiness:
            moments = await create_all(client, tenants)
            await readiness.all_of(moments, PATIENCE)
            last = max(readiness.at[name] for name in moments)
        self.found.rate = len(tenants) / (last - min(moments.values()))
        self.found.made = await meter.work()
        await operator.steady()
        self.found.memory, self.found.peak = operator.process.memory(), operator.process.peak()

    async def trickle(self, client: Client) -> None:
        """Tenants at a steady rate."""
        async with following(client) as readiness:
            moments = await offer(client, [tenant(f"o{n:04}") for n in range(OFFERED)], RATE)
            await readiness.all_of(moments, PATIENCE)
        self.found.offered = [readiness.at[name] - moment for name, moment in moments.items()]

    async def rest(self, client: Client, operator: Operator) -> None:
        """Nothing happens."""
        meter = Meter(client, operator)
        await meter.begin()
        await asyncio.sleep(self.idle)
        self.found.idle = await meter.work()

    async def list(self, client: Client) -> None:
        """`manor get tenants`, where an operator holds its lease."""
        renewed = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        held = {"holderIdentity": "bench", "leaseDurationSeconds": 3600, "renewTime": renewed}
        lease = make("coordination.k8s.io/v1", "Lease", OPERATOR, SYSTEM_NAMESPACE, spec=held)
        await client.apply(lease, field_manager="bench")
        words = ("get", "tenants", "--kubeconfig", str(self.kubeconfig))
        costs = [await asyncio.to_thread(timed, *words) for _ in range(LISTED)]
        self.found.listed = [cost.seconds for cost in costs]


def percentile(values: Sequence[float], part: float) -> float:
    """The least that so large a part of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def told(found: Found) -> None:
    """Prints what came of one size."""
    before, after = found.bare
    each = {
        "bare loop, before and after": f"{before:.1f} and {after:.1f} tenants/s",
        "  by the operator's account": f"{found.own:.1f} tenants/s",
        "operator": f"{found.rate:.1f} tenants/s: {found.ratio:.2f} of the bare loop, "
        f"{found.rate / found.own:.2f} of the one by its account",
        "  for a tenant": found.made.each(found.size),
        f"created to Ready, {RATE:g}/s": seconds(found.offered),
        "drift to right": seconds(found.drift),
        "manor get tenants": seconds(found.listed),
        "memory": f"{found.memory:.0f} MiB; {found.peak:.0f} at the most",
        "at rest": str(found.idle),
        "from start to steady": str(found.restart),
    }
    load = os.getloadavg()[0]
    print(f"{found.size} tenants; load of the machine {load:.1f} on {os.cpu_count()} cores")
    for what, value in each.items():
        print(f"  {what:30} {value}")
    for bar, held in found.bars().items():
        print(f"  {bar:34} {'yes' if held else 'NO'}")
    print(flush=True)


def seconds(values: Sequence[float]) -> str:
    """A distribution, in short."""
    return f"p50 {percentile(values, 0.5):.2f} s, p99 {percentile(values, 0.99):.2f} s"


def main() -> int:
    """Exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tenants", type=int, nargs="+", default=SIZES)
    parser.add_argument("--idle", type=float, default=10.0, help="minutes at rest")
    chosen = parser.parse_args()
    costs: dict[int, float] = {}
    missed = False
    for size in chosen.tenants:
        with TemporaryDirectory() as folder, api_server() as kubeconfig:
            found = Run(kubeconfig, Path(folder), size, 60 * chosen.idle).go()
        told(found)
        costs[size] = found.made.cpu / size
        missed |= not all(found.bars().values())
    least, most = min(costs), max(costs)
    if least < most:
        ratio = costs[most] / costs[least]
        print(f"a tenant of {most} costs {ratio:.2f} times what one of {least} costs")
        missed |= ratio > 1.3
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
