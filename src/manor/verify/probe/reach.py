"""Attacks on the network: a tenant's pod must not reach a target that others do reach.

A connection that fails proves nothing by itself. It counts as dropped by policy only
 - where a witness (the victim's own pod, or a pod in a namespace without policies) reaches the same
   target, or
 - where the witness's connection ends otherwise than the attacker's (refused at once, while the
   attacker waits), or
 - where nothing answers either of them, but the NetworkPolicies of the attacker's namespace, worked
   out from the API,
   let no packet go to that address, and the same pod was seen to be cut off from a pod that does
   answer.
Where the policies let the packet go, the check fails even though nothing answered.

Each connection to a probe server carries a nonce, and the server is asked afterwards which of them
it received: what arrived is reached, whatever the attacker's end says, and a witness whose nonce
did not arrive was answered by another.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from manor.api.wellknown import NETWORKING_API
from manor.verify import asked, netpol
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Attack
from manor.verify.context import AttackContext, required
from manor.verify.places import node_address, proxy_service
from manor.verify.policy_kinds import may_open
from manor.verify.probe.probe_pods import FREE, Outcome, Target
from manor.verify.probe.script import TCP_PORT

DROPPED = "NetworkPolicy"
EVALUATED = "NetworkPolicy (evaluated; enforcement seen)"

Word = Callable[[AttackContext], Awaitable[str]]


async def _node(context: AttackContext) -> str:
    return required(await node_address(context), "node address")


async def _api_service(context: AttackContext) -> str:
    return str(
        (await context.client.get("v1", "Service", "kubernetes", "default"))["spec"]["clusterIP"]
    )


async def _other_ip(context: AttackContext) -> str:
    return (await context.probes.running(context.victim, "server")).ip


async def _other_service(context: AttackContext) -> str:
    return (await context.probes.running(context.victim, "server")).service_ip


async def _other_name(context: AttackContext) -> str:
    return (await context.probes.running(context.victim, "server")).host


async def _proxy(context: AttackContext) -> str:
    return str(
        required(await proxy_service(context), "Service of the proxies")["spec"]["clusterIP"]
    )


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


async def place(context: AttackContext, target: Target) -> Target:
    """The target with its host filled in."""
    match = re.fullmatch(r"\$([a-z_]+)", target.host)
    return replace(target, host=await WORDS[match.group(1)](context)) if match else target


def marked(target: Target) -> Target:
    """The target with a nonce of its own, for its server to tell."""
    nonce = secrets.token_hex(16)
    return replace(target, nonce=nonce, path=f"/{nonce}")


async def by_request(context: AttackContext, target: Target, placed: Target) -> str | None:
    """The words of the specs by which the attacker may connect there."""
    if target.host in SERVED:
        return asked.traffic(context.attacker, context.victim)
    try:
        return asked.egress(
            context.attacker,
            context.tenancy.platform,
            placed.host,
            placed.port,
            await _api_service(context),
        )
    except ValueError:  # a name
        return None


async def judge(
    context: AttackContext, what: str, target: Target, attacker: Outcome, witness: Outcome, who: str
) -> Attempt:
    """What the attacker's and the witness's outcomes show together."""
    got = f"{attacker}; the same from {who}: {witness}"
    if attacker.reached:
        return Attempt(what, Verdict.BROKEN, got)
    if witness.outcome != attacker.outcome:
        return Attempt(what, Verdict.HELD, got, DROPPED)
    if others := await may_open(context, context.attacker.namespaces):
        return Attempt(what, Verdict.ERROR, f"{got}; and {', '.join(others)} is not evaluated")
    policies = await context.snapshot.of(
        NETWORKING_API, "NetworkPolicy", context.attacker.namespace
    )
    protocol = "UDP" if target.kind == "udp" else "TCP"
    try:
        opening = netpol.egress_to(policies, target.host, target.port or None, protocol)
    except ValueError:
        return Attempt(what, Verdict.ERROR, f"{got}; a name cannot be evaluated")
    if opening is not None:
        return Attempt(
            what, Verdict.BROKEN, f"{got}; nothing answered just now, but it may pass: {opening}"
        )
    if await context.probes.enforced(context.attacker):
        return Attempt(
            what,
            Verdict.HELD,
            f"{got}; no NetworkPolicy lets it pass, and they are enforced",
            EVALUATED,
        )
    return Attempt(
        what,
        Verdict.ERROR,
        f"{got}; and it was not seen that this cluster enforces NetworkPolicies",
    )


@dataclass(frozen=True)
class Connection:
    """One target as the attacker and as the witness try it."""

    title: str
    target: Target
    """As the check names it."""
    mine: Target
    theirs: Target

    @property
    def served(self) -> bool:
        """Whether the victim's probe server is asked what arrived; an echo request is answered
        below it."""
        return self.target.host in SERVED and self.target.kind != "icmp"


async def _connection(context: AttackContext, title: str, target: Target) -> Connection:
    placed = await place(context, target)
    connection = Connection(title, target, placed, placed)
    return (
        replace(connection, mine=marked(placed), theirs=marked(placed))
        if connection.served
        else connection
    )


def cut_off(
    targets: Mapping[str, Target], *, witness: Literal["victim", "free"], promised: bool = False
) -> Attack:
    """The attacker's pod reaches none of the targets; a pod of the victim, or a free one, is the
    witness.

    Control: the attacker's client reaches its own server, so that its silence is not its own fault.
    Where `promised`, a target that the specs ask for must be reached as the witness reaches it.
    """

    async def run(context: AttackContext) -> list[Attempt]:
        probes = context.probes
        own = await probes.running(context.attacker, "server")
        connections = [
            await _connection(context, title, target) for title, target in targets.items()
        ]
        home = marked(Target("tcp", own.ip, TCP_PORT))
        other = context.victim if witness == "victim" else FREE
        (control, *attacking), witnessing = await asyncio.gather(
            probes.probe(
                context.attacker, [home, *(connection.mine for connection in connections)]
            ),
            probes.probe(other, [connection.theirs for connection in connections]),
        )
        (arrived,) = await probes.received(context.attacker, [home])
        attempts = [_control(context, home, control, arrived)]
        evidence = await _evidence(context, connections)
        for connection, mine, theirs, (got_mine, got_theirs) in zip(
            connections, attacking, witnessing, evidence, strict=True
        ):
            what = f"{connection.title}: {connection.mine} from a pod of {context.attacker.name}"
            if why := await by_request(context, connection.target, connection.mine):
                kept = mine.reached or not (promised and theirs.reached)
                got = f"{mine}; the same from {other.name}: {theirs}; asked for by {why}"
                attempts.append(Attempt(what, Verdict.ASKED if kept else Verdict.ERROR, got))
            elif got_mine:
                attempts.append(
                    Attempt(
                        what,
                        Verdict.BROKEN,
                        f"{mine}, but it arrived: the victim's pod received it",
                    )
                )
            elif connection.served and theirs.reached and not got_theirs:
                got = (
                    f"the same from {other.name} was answered, and its probe did not receive "
                    f"it: who answered?"
                )
                attempts.append(Attempt(what, Verdict.ERROR, got))
            else:
                attempts.append(
                    await judge(
                        context, what, connection.mine, mine, theirs, f"a pod of {other.name}"
                    )
                )
        return attempts

    return run


async def _evidence(
    context: AttackContext, connections: Sequence[Connection]
) -> list[tuple[bool, bool]]:
    """Of each connection, whether the victim's server received the attacker's connection, and the
    witness's."""
    asked_for = [target for a in connections if a.served for target in (a.mine, a.theirs)]
    told = iter(await context.probes.received(context.victim, asked_for) if asked_for else [])
    return [
        (next(told), next(told)) if connection.served else (False, False)
        for connection in connections
    ]


def _control(context: AttackContext, home: Target, outcome: Outcome, arrived: bool) -> Attempt:
    verdict = Verdict.HELD if outcome.reached and arrived else Verdict.ERROR
    what = f"control: {home} from a pod of {context.attacker.name} to its own"
    got = f"{outcome}; its server received " + ("it" if arrived else "nothing")
    return Attempt(what, verdict, got, control=True)
