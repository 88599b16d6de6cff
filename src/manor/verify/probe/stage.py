"""What a run puts on the cluster, and the promise that it is gone afterwards."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Self

from manor.kube import Client, Conflict, NotFound
from manor.verify.check import Level
from manor.verify.objects import LABELS, container, make, pod_spec
from manor.verify.probe.leftovers import sweep
from manor.verify.probe.line import Line
from manor.verify.probe.script import CLIENT, SERVER, TCP_PORT, UDP_PORT
from manor.verify.team import DECOY, Actor, Team, Tenancy
from manor.verify.trial import Skip

START_LIMIT = 120.0
"""Seconds that a probe pod may take to start."""

FREE = Team("manor-verify-control", ("manor-verify-control",), (Actor("verifier", "manor-verify"),))
"""A namespace without NetworkPolicies, for controls: what its pods reach, a tenant's would reach without policies."""


@dataclass(frozen=True)
class Target:
    """Something to connect to from inside a pod."""

    kind: str
    """tcp, udp, icmp, http, https or resolve."""
    host: str
    port: int = 0
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    send: str = "70726f6265"
    """UDP payload, in hexadecimal."""

    def __str__(self) -> str:
        return f"{self.kind} {self.host}" + (f":{self.port}" if self.port else "")


@dataclass(frozen=True)
class Outcome:
    """What a connection came to: reached, timeout, refused, unreachable, unresolved or forbidden."""

    outcome: str
    detail: str
    seconds: float

    @property
    def reached(self) -> bool:
        """Whether the target answered."""
        return self.outcome == "reached"

    def __str__(self) -> str:
        return f"{self.outcome} after {self.seconds} s ({self.detail})"


@dataclass(frozen=True)
class Running:
    """A probe pod that runs."""

    namespace: str
    name: str
    ip: str
    service_ip: str = ""

    @property
    def host(self) -> str:
        """The DNS name of its Service."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"


class Stage:
    """The probe pods of a run; each is started once, by the first check that asks for it."""

    def __init__(self, client: Client, tenancy: Tenancy, level: Level, image: str | None) -> None:
        self.client = client
        self.tenancy = tenancy
        self.level = level
        platform = tenancy.platform
        self.image = image or (platform.spec.images.training if platform else None)
        self.run = f"verify-{secrets.token_hex(3)}"
        self._started: dict[tuple[str, str], asyncio.Task[Running]] = {}
        self._lines: dict[str, Line[Target, Outcome]] = {}
        self._enforced: dict[str, asyncio.Task[bool]] = {}
        self._spaces: dict[str, asyncio.Task[None]] = {}

    @classmethod
    @asynccontextmanager
    async def set(cls, client: Client, tenancy: Tenancy, level: Level, image: str | None) -> AsyncIterator[Self]:
        """A stage that is cleared at the end, however the run ends; what an earlier run left is cleared first."""
        stage = cls(client, tenancy, level, image)
        if level is not Level.LIVE:
            yield stage
            return
        await sweep(client)
        try:
            yield stage
        finally:
            await asyncio.shield(stage._clear())

    async def _clear(self) -> None:
        tasks = [*self._started.values(), *self._spaces.values(), *self._enforced.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await sweep(self.client)

    def acting(self, team: Team) -> Client:
        """Who makes the probes of a team: its own mightiest member; the verifier for teams of its own making."""
        return self.client if team.name in (DECOY, FREE.name) else team.actor.client(self.client)

    async def running(self, team: Team, role: str) -> Running:
        """The `client` or `server` pod of a team, started if it is not yet. Raises Skip where it cannot be."""
        key = (team.namespace, role)
        if key not in self._started:
            self._started[key] = asyncio.create_task(self._start(team, role))
        return await asyncio.shield(self._started[key])

    async def probe(self, team: Team, targets: Sequence[Target]) -> list[Outcome]:
        """What the team's client pod gets from each target."""
        pod = await self.running(team, "client")
        if team.namespace not in self._lines:
            self._lines[team.namespace] = Line(partial(self._exec, pod))
        return await self._lines[team.namespace].ask(targets)

    async def enforced(self, team: Team) -> bool:
        """Whether the team's pod is cut off from a pod that answers a free one: policies are enforced on it."""
        if team.namespace not in self._enforced:
            self._enforced[team.namespace] = asyncio.create_task(self._see_enforced(team))
        return await asyncio.shield(self._enforced[team.namespace])

    async def _see_enforced(self, team: Team) -> bool:
        target = Target("tcp", (await self.running(FREE, "server")).ip, TCP_PORT)
        free, bound = await asyncio.gather(self.probe(FREE, [target]), self.probe(team, [target]))
        return free[0].reached and not bound[0].reached

    async def _exec(self, pod: Running, targets: list[Target]) -> list[Outcome]:
        words = [{**asdict(target), "headers": dict(target.headers)} for target in targets]
        command = ["python3", "-c", CLIENT, json.dumps(words)]
        result = await self.client.exec(pod.namespace, pod.name, command, timeout=60)
        if result.exit_code:
            where = f"{pod.namespace}/{pod.name}"
            raise RuntimeError(f"the probe in {where} ended with {result.exit_code}: {result.stderr[-400:]}")
        return [Outcome(**outcome) for outcome in json.loads(result.stdout)]

    async def _space(self, team: Team) -> None:
        if team.name not in (DECOY, FREE.name):
            return
        if team.name not in self._spaces:
            self._spaces[team.name] = asyncio.create_task(self._make_space(team.namespace))
        await asyncio.shield(self._spaces[team.name])

    async def _make_space(self, name: str) -> None:
        levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        await self._create(self.client, make("v1", "Namespace", None, name, meta={"labels": {**LABELS, **levels}}))
        for _ in range(100):  # the controller makes it a moment later, and no pod is admitted before
            try:
                await self.client.get("v1", "ServiceAccount", "default", name)
            except NotFound:
                await asyncio.sleep(0.1)
            else:
                return

    async def _start(self, team: Team, role: str) -> Running:
        if not self.image:
            raise Skip("no image for probe pods: name one that holds python3 with --probe-image")
        await self._space(team)
        client, name = self.acting(team), f"{self.run}-{role}"
        labels = {**LABELS, "app": name}
        program = ["python3", "-c", SERVER if role == "server" else "import time; time.sleep(3600)"]
        main = container(self.image, command=program, env=[{"name": "PROBE", "value": f"{team.name} {role}"}])
        if role == "server":
            main["readinessProbe"] = {"tcpSocket": {"port": TCP_PORT}, "periodSeconds": 1}
        spec = pod_spec(main, terminationGracePeriodSeconds=0, activeDeadlineSeconds=3600)
        service_ip = ""
        if role == "server":
            ports = [
                {"name": "tcp", "port": TCP_PORT},
                {"name": "udp", "port": UDP_PORT, "protocol": "UDP"},
            ]
            body = {"selector": {"app": name}, "ports": ports}
            service = make("v1", "Service", team.namespace, name, meta={"labels": labels}, spec=body)
            service_ip = (await self._create(client, service))["spec"]["clusterIP"]
        await self._create(client, make("v1", "Pod", team.namespace, name, meta={"labels": labels}, spec=spec))
        return Running(team.namespace, name, await self.ready(team.namespace, name), service_ip)

    async def _create(self, client: Client, obj: dict[str, Any]) -> dict[str, Any]:
        try:
            return await client.create(obj)
        except Conflict:
            meta = obj["metadata"]
            return await self.client.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))

    async def ready(self, namespace: str, name: str) -> str:
        """Waits until a pod is ready; its address. Raises Skip with what the pod says where it does not get there."""
        state: dict[str, Any] = {}
        for _ in range(int(START_LIMIT * 2)):
            state = (await self.client.get("v1", "Pod", name, namespace))["status"]
            conditions = {c["type"]: c["status"] for c in state.get("conditions", [])}
            if conditions.get("Ready") == "True":
                return str(state["podIP"])
            if state.get("phase") in ("Failed", "Succeeded"):
                break
            await asyncio.sleep(0.5)
        waiting = [status.get("state") for status in state.get("containerStatuses", [])] or state.get("conditions")
        raise Skip(f"probe pod {namespace}/{name} did not become ready: {state.get('phase')}, {str(waiting)[:400]}")
