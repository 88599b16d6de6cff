"""Attacks on the network: a tenant's pod must not reach a target that others do reach.

A connection that fails proves nothing by itself. It counts as dropped by policy only
 - where a witness (the victim's own pod, or a pod in a namespace without policies) reaches the same target, or
 - where the witness's connection ends otherwise than the attacker's (refused at once, while the attacker waits), or
 - where nothing answers either of them, but the NetworkPolicies of the attacker's namespace, worked out from the API,
   let no packet go to that address, and the same pod was seen to be cut off from a pod that does answer.
Where the policies let the packet go, the check fails even though nothing answered.

Each connection to a probe server carries a nonce, and the server is asked afterwards which of them it received: what
arrived is reached, whatever the attacker's end says, and a witness whose nonce did not arrive was answered by another.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from manor.api.wellknown import NETWORKING_API
from manor.verify import asked, netpol
from manor.verify.check import Attack
from manor.verify.ground import Ground
from manor.verify.probe.script import TCP_PORT
from manor.verify.probe.stage import FREE, Outcome, Target
from manor.verify.trial import Skip, Trial, Verdict

DROPPED = "NetworkPolicy"
EVALUATED = "NetworkPolicy (evaluated; enforcement seen)"
OTHER_ENGINES = (
    ("cilium.io/v2", "CiliumNetworkPolicy"),
    ("cilium.io/v2", "CiliumClusterwideNetworkPolicy"),
    ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
)
"""Policies that the evaluation does not know; where there are any, it decides nothing."""

Word = Callable[[Ground], Awaitable[str]]


async def _node(ground: Ground) -> str:
    for node in await ground.snapshot.all("v1", "Node"):
        for address in node["status"].get("addresses", []):
            if address["type"] == "InternalIP":
                return str(address["address"])
    raise Skip("the cluster tells no node address")


async def _api_service(ground: Ground) -> str:
    return str((await ground.client.get("v1", "Service", "kubernetes", "default"))["spec"]["clusterIP"])


async def _other_ip(ground: Ground) -> str:
    return (await ground.stage.running(ground.victim, "server")).ip


async def _other_service(ground: Ground) -> str:
    return (await ground.stage.running(ground.victim, "server")).service_ip


async def _other_name(ground: Ground) -> str:
    return (await ground.stage.running(ground.victim, "server")).host


async def _proxy_service(ground: Ground) -> Mapping[str, Any]:
    settings = ground.platform.spec.gateway
    namespace = settings.data_plane.namespace if settings.isolation == "shared" else settings.front.namespace
    port = settings.port
    for service in await ground.snapshot.of("v1", "Service", namespace):
        ports = [p["port"] for p in service["spec"]["ports"]]
        if service["spec"].get("type") in ("NodePort", "LoadBalancer") and port in ports:
            return service
    raise Skip(f"no Service of the gateway's proxies is found in {namespace}")


async def proxy_node_port(ground: Ground) -> int | None:
    """The node's port of the gateway's proxies, where they have one."""
    ports = (await _proxy_service(ground))["spec"]["ports"]
    wanted = ground.platform.spec.gateway.port
    return next((int(port["nodePort"]) for port in ports if port["port"] == wanted and port.get("nodePort")), None)


async def _proxy(ground: Ground) -> str:
    return str((await _proxy_service(ground))["spec"]["clusterIP"])


WORDS: Mapping[str, Word] = {
    "node": _node,
    "api_service": _api_service,
    "other_pod": _other_ip,
    "other_service": _other_service,
    "other_name": _other_name,
    "proxy": _proxy,
}
"""What targets write as `$node`, …; worked out when the check runs."""


SERVED = ("$other_pod", "$other_service", "$other_name")
"""Words that lead to the victim's probe server."""


async def place(ground: Ground, target: Target) -> Target:
    """The target with its host filled in."""
    match = re.fullmatch(r"\$([a-z_]+)", target.host)
    return replace(target, host=await WORDS[match.group(1)](ground)) if match else target


def marked(target: Target) -> Target:
    """The target with a nonce of its own, for its server to tell."""
    nonce = secrets.token_hex(16)
    return replace(target, nonce=nonce, path=f"/{nonce}")


async def by_request(ground: Ground, target: Target, placed: Target) -> str | None:
    """The words of the specs by which the attacker may connect there."""
    if target.host in SERVED:
        return asked.traffic(ground.attacker, ground.victim)
    try:
        return asked.egress(
            ground.attacker, ground.tenancy.platform, placed.host, placed.port, await _api_service(ground)
        )
    except ValueError:  # a name
        return None


async def judge(ground: Ground, what: str, target: Target, attacker: Outcome, witness: Outcome, who: str) -> Trial:
    """What the attacker's and the witness's outcomes show together."""
    got = f"{attacker}; the same from {who}: {witness}"
    if attacker.reached:
        return Trial(what, Verdict.BROKEN, got)
    if witness.outcome != attacker.outcome:
        return Trial(what, Verdict.HELD, got, DROPPED)
    for kind in OTHER_ENGINES:
        if await ground.snapshot.all(*kind):
            return Trial(what, Verdict.SKIPPED, f"{got}; and {kind[1]} objects are not evaluated")
    policies = await ground.snapshot.of(NETWORKING_API, "NetworkPolicy", ground.attacker.namespace)
    protocol = "UDP" if target.kind == "udp" else "TCP"
    try:
        opening = netpol.egress_to(policies, target.host, target.port or None, protocol)
    except ValueError:
        return Trial(what, Verdict.SKIPPED, f"{got}; a name cannot be evaluated")
    if opening is not None:
        return Trial(what, Verdict.BROKEN, f"{got}; nothing answered just now, but it may pass: {opening}")
    if await ground.stage.enforced(ground.attacker):
        return Trial(what, Verdict.HELD, f"{got}; no NetworkPolicy lets it pass, and they are enforced", EVALUATED)
    return Trial(what, Verdict.SKIPPED, f"{got}; and it was not seen that this cluster enforces NetworkPolicies")


@dataclass(frozen=True)
class Attempt:
    """One target as the attacker and as the witness try it."""

    title: str
    target: Target
    """As the check names it."""
    mine: Target
    theirs: Target

    @property
    def served(self) -> bool:
        """Whether the victim's probe server is asked what arrived; an echo request is answered below it."""
        return self.target.host in SERVED and self.target.kind != "icmp"


async def _attempt(ground: Ground, title: str, target: Target) -> Attempt:
    placed = await place(ground, target)
    attempt = Attempt(title, target, placed, placed)
    return replace(attempt, mine=marked(placed), theirs=marked(placed)) if attempt.served else attempt


def cut_off(targets: Mapping[str, Target], *, witness: Literal["victim", "free"]) -> Attack:
    """The attacker's pod reaches none of the targets; a pod of the victim, or a free one, is the witness.

    Control: the attacker's client reaches its own server, so that its silence is not its own fault.
    """

    async def run(ground: Ground) -> list[Trial]:
        stage = ground.stage
        own = await stage.running(ground.attacker, "server")
        attempts = [await _attempt(ground, title, target) for title, target in targets.items()]
        home = marked(Target("tcp", own.ip, TCP_PORT))
        other = ground.victim if witness == "victim" else FREE
        (control, *attacking), witnessing = await asyncio.gather(
            stage.probe(ground.attacker, [home, *(attempt.mine for attempt in attempts)]),
            stage.probe(other, [attempt.theirs for attempt in attempts]),
        )
        (arrived,) = await stage.received(ground.attacker, [home])
        trials = [_control(ground, home, control, arrived)]
        evidence = await _evidence(ground, attempts)
        for attempt, mine, theirs, (got_mine, got_theirs) in zip(
            attempts, attacking, witnessing, evidence, strict=True
        ):
            what = f"{attempt.title}: {attempt.mine} from a pod of {ground.attacker.name}"
            if why := await by_request(ground, attempt.target, attempt.mine):
                trials.append(Trial(what, Verdict.ASKED, f"{mine}; asked for by {why}"))
            elif got_mine:
                trials.append(Trial(what, Verdict.BROKEN, f"{mine}, but it arrived: the victim's pod received it"))
            elif attempt.served and theirs.reached and not got_theirs:
                got = f"the same from {other.name} was answered, and its probe did not receive it: who answered?"
                trials.append(Trial(what, Verdict.ERROR, got))
            else:
                trials.append(await judge(ground, what, attempt.mine, mine, theirs, f"a pod of {other.name}"))
        return trials

    return run


async def _evidence(ground: Ground, attempts: Sequence[Attempt]) -> list[tuple[bool, bool]]:
    """Of each attempt, whether the victim's server received the attacker's connection, and the witness's."""
    asked_for = [target for a in attempts if a.served for target in (a.mine, a.theirs)]
    told = iter(await ground.stage.received(ground.victim, asked_for) if asked_for else [])
    return [(next(told), next(told)) if attempt.served else (False, False) for attempt in attempts]


def _control(ground: Ground, home: Target, outcome: Outcome, arrived: bool) -> Trial:
    verdict = Verdict.HELD if outcome.reached and arrived else Verdict.ERROR
    what = f"control: {home} from a pod of {ground.attacker.name} to its own"
    got = f"{outcome}; its server received " + ("it" if arrived else "nothing")
    return Trial(what, verdict, got, control=True)
