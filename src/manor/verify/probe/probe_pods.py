"""What a run puts on the cluster, and the promise that it is gone afterwards."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Self

from manor.api.wellknown import PROBE_LABEL
from manor.kube import ApiError, Client, NotFound
from manor.limits import limits
from manor.polling import poll_until
from manor.verify.attempt import Undetermined
from manor.verify.check import Level
from manor.verify.context import required
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import PREFIX, Object, make
from manor.verify.probe.batches import Batches
from manor.verify.probe.leftovers import sweep
from manor.verify.probe.pod import Disturbed, Running, probe_pod, started
from manor.verify.probe.script import CLIENT, PYTHON, SERVER, TCP_PORT, UDP_PORT, WITNESS_PORT
from manor.verify.team import DECOY, Actor, Team, Tenancy

FREE = Team("manor-verify-control", ("manor-verify-control",), (Actor("verifier", "manor-verify"),))
"""A namespace without NetworkPolicies, for controls: what its pods reach, a tenant's would reach
without policies."""
OUT_OF_REACH = any_of(policy("probes"), RBAC)
"""What keeps a tenant from its probes."""


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
    nonce: str = ""
    """What the connection tells a probe server, which is asked afterwards whether it arrived."""

    def __str__(self) -> str:
        return f"{self.kind} {self.host}" + (f":{self.port}" if self.port else "")


@dataclass(frozen=True)
class Outcome:
    """What a connection came to: reached, timeout, refused, unreachable, unresolved or
    forbidden."""

    outcome: str
    detail: str
    seconds: float

    @property
    def reached(self) -> bool:
        """Whether the target answered."""
        return self.outcome == "reached"

    def __str__(self) -> str:
        return f"{self.outcome} after {self.seconds} s ({self.detail})"


class ProbePods:
    """The probe pods of a run; each is started once, by the first check that asks for it.

    The platform makes and enters them, under names and a label that are out of the tenants' reach:
    a tenant that could replace or enter a probe would write its own verdict.
    """

    def __init__(self, client: Client, tenancy: Tenancy, level: Level, image: str | None) -> None:
        self.client = client
        self.tenancy = tenancy
        self.level = level
        platform = tenancy.platform
        self.image = image or (platform.spec.images.training if platform else None)
        self.run = f"{PREFIX}{secrets.token_hex(3)}"
        self.left: list[str] = []
        """What could not be removed at the end."""
        self._started: dict[tuple[str, str], asyncio.Task[Running]] = {}
        self._batches: dict[tuple[str, str], Batches[Target, Outcome]] = {}
        self._enforced: dict[str, asyncio.Task[bool]] = {}
        self._spaces: dict[str, asyncio.Task[Object]] = {}

    @classmethod
    @asynccontextmanager
    async def set(
        cls, client: Client, tenancy: Tenancy, level: Level, image: str | None
    ) -> AsyncIterator[Self]:
        """Probe pods that are removed at the end, however the run ends; what an earlier run left is
        removed first."""
        probes = cls(client, tenancy, level, image)
        if level is not Level.LIVE:
            yield probes
            return
        await sweep(client)  # what stays has other names, and is told at the end
        try:
            yield probes
        finally:
            await asyncio.shield(probes._clear())

    async def _clear(self) -> None:
        tasks = [*self._started.values(), *self._spaces.values(), *self._enforced.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.left = await sweep(self.client)
        namespaces = {namespace for namespace, _ in self._started}
        await asyncio.gather(*map(self._forget, namespaces), return_exceptions=True)

    async def _forget(self, namespace: str) -> None:
        """Removes the events of the run's own pods: they are no news to the team."""
        for event in await self.client.list("v1", "Event", namespace):
            if event["involvedObject"].get("name", "").startswith(self.run):
                await self.client.delete("v1", "Event", event["metadata"]["name"], namespace)

    async def running(self, team: Team, role: str) -> Running:
        """The `client` or `server` pod of a team, started if it is not yet. Raises Undetermined
        where it cannot be."""
        key = (team.namespace, role)
        if key not in self._started:
            self._started[key] = asyncio.create_task(self._start(team, role))
        return await asyncio.shield(self._started[key])

    async def probe(self, team: Team, targets: Sequence[Target]) -> list[Outcome]:
        """What the team's client pod gets from each target. Raises Disturbed."""
        return await self._ask(team, await self.running(team, "client"), targets)

    async def received(self, team: Team, targets: Sequence[Target]) -> list[bool]:
        """Whether the nonce of each target has arrived at the team's server, by its own word.
        Raises Disturbed."""
        asked = [
            Target("http", "127.0.0.1", WITNESS_PORT, f"/{target.nonce}") for target in targets
        ]
        answers = await self._ask(team, await self.running(team, "server"), asked)
        return [answer.detail.endswith("\r\n\r\nreceived") for answer in answers]

    async def _ask(self, team: Team, pod: Running, targets: Sequence[Target]) -> list[Outcome]:
        await self.guarded(team)
        key = (pod.namespace, pod.name)
        if key not in self._batches:
            self._batches[key] = Batches(partial(self._exec, pod))
        return await self._batches[key].ask(targets)

    async def enforced(self, team: Team) -> bool:
        """Whether the team's pod is cut off from a pod that answers a free one: policies are
        enforced on it."""
        if team.namespace not in self._enforced:
            self._enforced[team.namespace] = asyncio.create_task(self._see_enforced(team))
        return await asyncio.shield(self._enforced[team.namespace])

    async def _see_enforced(self, team: Team) -> bool:
        target = Target("tcp", (await self.running(FREE, "server")).ip, TCP_PORT)
        free, bound = await asyncio.gather(self.probe(FREE, [target]), self.probe(team, [target]))
        return free[0].reached and not bound[0].reached

    async def _exec(self, pod: Running, targets: list[Target]) -> list[Outcome]:
        words = [{**asdict(target), "headers": dict(target.headers)} for target in targets]
        command = [*PYTHON, CLIENT, json.dumps(words)]
        result = await self.client.exec(
            pod.namespace, pod.name, command, container="main", timeout=limits().verify.probe_answer
        )
        pod.check(await self.client.get("v1", "Pod", pod.name, pod.namespace))
        if result.exit_code:
            where = f"{pod.namespace}/{pod.name}"
            raise RuntimeError(
                f"the probe in {where} ended with {result.exit_code}: {result.stderr[-400:]}"
            )
        return [Outcome(**outcome) for outcome in json.loads(result.stdout)]

    async def space(self, team: Team) -> Object:
        """The team's namespace; it is made where the team is one of the run's own."""
        if team.name not in (DECOY, FREE.name):
            return await self.client.get("v1", "Namespace", team.namespace)
        if team.name not in self._spaces:
            self._spaces[team.name] = asyncio.create_task(self._make_space(team.namespace))
        return await asyncio.shield(self._spaces[team.name])

    async def _make_space(self, name: str) -> Object:
        levels = {
            f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")
        }
        made = await self.client.create(
            make("v1", "Namespace", None, name, meta={"labels": {PROBE_LABEL: self.run, **levels}})
        )

        async def has_account() -> (
            bool
        ):  # the controller makes it a moment later, and no pod is admitted before
            try:
                await self.client.get("v1", "ServiceAccount", "default", name)
            except NotFound:
                return False
            return True

        await poll_until(
            bool, has_account, timeout=limits().verify.account, interval=limits().verify.poll
        )
        return made

    async def _start(self, team: Team, role: str) -> Running:
        image, name = self.needed_image(), f"{self.run}-{role}"
        owner = await self.space(team)
        fields: Object = {"env": [{"name": "PROBE", "value": f"{team.name} {role}"}]}
        service_ip, program = "", "import time; time.sleep(3600)"
        if role == "server":
            program = SERVER
            fields["readinessProbe"] = {"tcpSocket": {"port": TCP_PORT}, "periodSeconds": 1}
            ports = [
                {"name": "tcp", "port": TCP_PORT},
                {"name": "udp", "port": UDP_PORT, "protocol": "UDP"},
            ]
            body = {"selector": {PROBE_LABEL: name}, "ports": ports}
            service = make(
                "v1",
                "Service",
                team.namespace,
                name,
                meta={"labels": {PROBE_LABEL: name}},
                spec=body,
            )
            service_ip = (await self.client.create(service))["spec"]["clusterIP"]
        pod = probe_pod(owner, name, program, image, **fields)
        await self.client.create(pod)
        return started(await self.ready(team.namespace, name), pod, service_ip)

    def needed_image(self) -> str:
        """The image of probe pods, for checks that require `probe-image`."""
        return required(self.image, "image for probe pods")

    async def guarded(self, team: Team) -> None:
        """Raises Disturbed where a member of a tenant may enter its probes. Where Manor is not,
        nothing is promised."""
        if team.tenant is None:
            return
        path = f"/api/v1/namespaces/{team.namespace}/pods/{self.run}-client/exec"
        try:  # admission has its say before the server misses the pod, or the upgrade to a stream
            await team.actor.client(self.client).request(
                "POST", path, params={"command": "true", "stdout": "true"}
            )
        except ApiError as error:
            if OUT_OF_REACH.stopped(error):
                return
        raise Disturbed(
            f"{team.actor} may enter the probe pods in {team.namespace}: what they see proves "
            f"nothing. "
            "`manor apply` binds the policy manor-probes"
        )

    async def ready(self, namespace: str, name: str) -> Object:
        """The pod, once it is ready. Raises Undetermined with what it says where it does not get
        there."""
        look, bounds = partial(self.client.get, "v1", "Pod", name, namespace), limits().verify
        live = await poll_until(_is_settled, look, timeout=bounds.probe_start, interval=bounds.poll)
        if _is_ready(live):
            return live
        state = live.get("status", {})
        raise Undetermined(
            f"probe pod {namespace}/{name} is not ready: {state.get('phase')}; {_why(state)[:400]}"
        )


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    )


def _is_settled(pod: Object) -> bool:
    return _is_ready(pod) or pod.get("status", {}).get("phase") in ("Failed", "Succeeded")


def _why(state: Object) -> str:
    """What a pod's status says of its containers that do not run, or else of itself."""
    told = [
        reason
        for status in state.get("containerStatuses", [])
        for reason in status.get("state", {}).values()
    ]
    told += [c for c in state.get("conditions", []) if c["status"] != "True"]
    return "; ".join(
        f"{one['reason']}: {one.get('message', '')}" for one in told if one.get("reason")
    )
