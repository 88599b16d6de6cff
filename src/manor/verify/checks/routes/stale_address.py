"""An address that another tenant's pod has taken over gets none of the requests that were meant for
its former pod."""

import asyncio
from functools import partial
from typing import Any

from manor.api.wellknown import PROBE_LABEL
from manor.limits import limits
from manor.polling import poll_until
from manor.verify.attempt import Attempt, Undetermined
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import GATEWAY_SERVICE, GATEWAYS, OWN_PROXIES, PROBE_IMAGE, TWO_TENANTS
from manor.verify.findings import holds, seen
from manor.verify.objects import make, route
from manor.verify.probe.probe_pods import FREE, Outcome, Target
from manor.verify.probe.reach import place
from manor.verify.probe.script import TCP_PORT


async def _set_up(context: AttackContext, stale: str, address: str) -> None:
    """The victim's route `/own` to its pod, and `/stale` to a Service whose address is the
    attacker's by now."""
    space, server = context.victim.namespace, f"{context.probes.run}-server"
    ports: list[dict[str, Any]] = [{"name": "tcp", "port": TCP_PORT}]
    mine = {PROBE_LABEL: stale}
    await context.client.create(
        make("v1", "Service", space, stale, meta={"labels": mine}, spec={"ports": ports})
    )
    meta = {"labels": {"kubernetes.io/service-name": stale, **mine}}
    slice_ = make(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        space,
        stale,
        meta=meta,
        addressType="IPv4",
        ports=ports,
    )
    slice_["endpoints"] = [{"addresses": [address], "conditions": {"ready": True}}]
    await context.client.create(slice_)
    rules = [
        {
            "matches": [{"path": {"value": f"/{stale}/{path}"}}],
            "backendRefs": [{"name": name, "port": TCP_PORT}],
        }
        for path, name in (("own", server), ("stale", stale))
    ]
    parent = {"name": "$other_gateway", "namespace": "$other_gateway_namespace"}
    made = context.fill(route(host="$other_host", parentRefs=[parent], rules=rules))
    made["metadata"] |= {"name": stale, "namespace": space, "labels": mine}
    await context.client.create(made)


async def _attack(context: AttackContext) -> list[Attempt]:
    settings = context.platform.spec.gateway
    mine, theirs = await asyncio.gather(
        *(context.probes.running(t, "server") for t in (context.attacker, context.victim))
    )
    name = f"{context.probes.run}-stale-{context.attacker.name}"[:63]
    await _set_up(context, name, mine.ip)
    kind = "https" if settings.tls_secret else "http"
    host = (("Host", context.fill("$other_host").replace("*", name)),)
    own, stale = [
        await place(context, Target(kind, "$proxy", settings.port, f"/{name}/{path}", host))
        for path in ("own", "stale")
    ]
    said = f"{context.victim.name} server"
    bounds = limits().verify

    def answered(outcomes: list[Outcome]) -> bool:
        return said in outcomes[0].detail

    ask = partial(context.probes.probe, FREE, [own])
    answers = await poll_until(answered, ask, timeout=bounds.answers, interval=bounds.poll)
    if not answered(answers):
        raise Undetermined(
            f"the victim's own route does not answer after {bounds.answers:g} s: {answers[0]}"
        )
    control = seen(f"{own} with the path of the victim's own pod {theirs.name}", said)
    outcomes = await context.probes.probe(FREE, [stale] * 3)
    taken = [
        str(outcome) for outcome in outcomes if f"{context.attacker.name} server" in outcome.detail
    ]
    what = (
        f"three requests for {context.victim.name} to an address that a pod of "
        f"{context.attacker.name} has"
    )
    return [
        control,
        holds(what, not taken, taken[0] if taken else str(outcomes[0])[:300], "NetworkPolicy"),
    ]


CHECK = Check(
    id="MNR-ROUTES-015",
    title="Take over an address that a proxy still knows",
    guarantee="A tenant's proxy reaches the tenant's own pods alone, whatever address it is told.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=("CVE-2021-25740 (class)", "kubernetes/kubernetes#101910 (class)"),
    attempt=(
        "Gives the victim's proxy the address of a pod of the attacker, as an out-of-date "
        "configuration would, and "
        "asks for the victim's host name at the front."
    ),
    expect="No answer of the attacker's pod, while the victim's own pod answers by the same way.",
    remedy=(
        "`manor apply` writes the NetworkPolicies of proxies and pods again; remove those "
        "that add to them."
    ),
    requires=(TWO_TENANTS, GATEWAYS, OWN_PROXIES, GATEWAY_SERVICE, PROBE_IMAGE),
    run=_attack,
)
