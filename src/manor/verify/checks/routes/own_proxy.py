"""Each tenant has a proxy of its own, which reaches its pods alone, and whose traffic no other
tenant's pods accept."""

from manor.api.wellknown import (
    COMPONENT_LABEL,
    ENVOY_API,
    GATEWAY_API,
    NAMESPACE_NAME_LABEL,
    NETWORKING_API,
    TENANT_LABEL,
)
from manor.verify import netpol
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import GATEWAYS, OWN_PROXIES
from manor.verify.findings import holds, need, seen
from manor.verify.objects import Object
from manor.verify.team import Team


def _labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


async def _merged(context: AttackContext, namespace: str) -> list[str]:
    """What makes several Gateways one proxy's: Envoy Gateway's setting, and proxies that are no
    tenant's."""
    wanted = context.platform.spec.gateway.class_name
    classes = [
        c
        for c in await context.snapshot.all(GATEWAY_API, "GatewayClass")
        if c["metadata"]["name"] == wanted
    ]
    used = {
        (ref.get("namespace"), ref["name"])
        for c in classes
        if (ref := c["spec"].get("parametersRef"))
    }
    settings = await context.snapshot.all(ENVOY_API, "EnvoyProxy")
    merged = [s for s in settings if (s["metadata"]["namespace"], s["metadata"]["name"]) in used]
    proxies = [
        pod
        for pod in await context.snapshot.of("v1", "Pod", namespace)
        if _labels(pod).get(COMPONENT_LABEL) == "proxy" and TENANT_LABEL not in _labels(pod)
    ]
    return [
        *(
            f"EnvoyProxy {s['metadata']['name']} has mergeGateways"
            for s in merged
            if s["spec"].get("mergeGateways")
        ),
        *(
            f"pod {namespace}/{pod['metadata']['name']} is a proxy of no single tenant"
            for pod in proxies
        ),
    ]


async def _gateway(context: AttackContext, team: Team) -> Attempt:
    found = await context.snapshot.all(GATEWAY_API, "Gateway")
    gateways = [g for g in found if _labels(g).get(TENANT_LABEL) == team.name]
    marks = [
        g["spec"].get("infrastructure", {}).get("labels", {}).get(TENANT_LABEL) for g in gateways
    ]
    what = f"the proxy of Gateway {gateways[0]['metadata']['name']}"
    return holds(
        what, marks == [team.name], f"labelled {', '.join(map(str, marks))}", "a Gateway of its own"
    )


async def _look(context: AttackContext) -> list[Attempt]:
    attacker, victim, gateway = context.attacker, context.victim, context.platform.spec.gateway
    place = gateway.data_plane.namespace
    policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", place)
    proxy = {**gateway.data_plane.labels, TENANT_LABEL: attacker.name}
    home = {NAMESPACE_NAME_LABEL: victim.namespace, TENANT_LABEL: victim.name}
    own = {NAMESPACE_NAME_LABEL: attacker.namespace, TENANT_LABEL: attacker.name}
    out = netpol.admits(policies, "Egress", victim.namespace, home, proxy)
    heard = netpol.admits(policies, "Ingress", victim.namespace, home, proxy)
    theirs = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", victim.namespace)
    into = netpol.admits(theirs, "Ingress", place, {NAMESPACE_NAME_LABEL: place}, peer=proxy)
    merged = await _merged(context, place)
    reached = netpol.admits(policies, "Egress", attacker.namespace, own, proxy)
    need(reached, f"the proxy of {attacker.name} reaches no pod")
    return [
        seen(f"the proxy of {attacker.name} reaches its own pods", str(reached)),
        await _gateway(context, attacker),
        holds(
            "one proxy for several Gateways",
            not merged,
            "; ".join(merged) or "none",
            "a proxy for each Gateway",
        ),
        holds(
            f"the proxy of {attacker.name} to pods of {victim.name}",
            out is None,
            str(out),
            "NetworkPolicy",
        ),
        holds(
            f"pods of {victim.name} to the proxy of {attacker.name}",
            heard is None,
            str(heard),
            "NetworkPolicy",
        ),
        holds(
            f"pods of {victim.name} hear the proxy of {attacker.name}",
            into is None,
            str(into),
            "NetworkPolicy",
        ),
    ]


CHECK = Check(
    id="MNR-ROUTES-014",
    title="Share a proxy with another tenant",
    guarantee=(
        "Each tenant has a proxy and a configuration of its own; it reaches the tenant's own "
        "pods alone, and no other "
        "tenant's pods accept it."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=("Envoy: RDS update_rejected", "CVE-2021-25740 (class)"),
    attempt=(
        "Looks at the tenant's Gateway, at what merges Gateways into one proxy, and at the "
        "NetworkPolicies of the "
        "proxies and of the other tenant's pods."
    ),
    expect=(
        "A Gateway with a proxy of its own, none merged; policies that know the tenant's own "
        "proxy alone."
    ),
    remedy=(
        "Take `mergeGateways` from the EnvoyProxy of the class; `manor apply` writes Gateway "
        "and policies again."
    ),
    requires=(GATEWAYS, OWN_PROXIES),
    run=_look,
)
