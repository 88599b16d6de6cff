"""NetworkPolicies let pass only the tenant itself, its consenting peers, DNS and the gateway."""

from manor.api.wellknown import NETWORKING_API
from manor.verify import netpol
from manor.verify.asked import consent
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TWO_TENANTS
from manor.verify.findings import holds, need, seen


async def _labels(context: AttackContext, namespace: str) -> dict[str, str]:
    found = await context.snapshot.named("v1", "Namespace", namespace)
    need(found, f"namespace {namespace} does not exist")
    return dict((found or {})["metadata"].get("labels", {}))


async def _look(context: AttackContext) -> list[Attempt]:
    here, there = context.attacker.namespace, context.victim.namespace
    sides = (("Egress", here, there), ("Ingress", there, here))
    home = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", here)
    own = netpol.admits(home, "Ingress", here, await _labels(context, here))
    attempts = [seen(f"{here} lets its own pods in", f"by {own}")] if own else []
    for direction, namespace, peer in sides:
        policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        opening = netpol.admits(policies, direction, peer, await _labels(context, peer))
        fine = opening is None or consent(context.attacker.tenant, context.victim.tenant)
        got = f"open: {opening}" if opening else f"none of {len(policies)} policies lets it pass"
        attempts.append(
            holds(f"{direction.lower()} of {namespace} against {peer}", fine, got, "NetworkPolicy")
        )
    return attempts


CHECK = Check(
    id="MNR-NETWORK-021",
    title="Find a policy that lets another tenant in or out",
    guarantee=(
        "NetworkPolicies let pass only the tenant itself, its consenting peers, DNS and "
        "the gateway."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.3.2",
        "projectcapsule/capsule#200",
        "NSA/CISA: Network separation and hardening",
    ),
    attempt=(
        "Works out from the attacker's and the victim's NetworkPolicies whether any pod of the "
        "attacker, "
        "whatever its labels, may connect to the victim."
    ),
    expect=(
        "Both sides keep it out: the attacker's egress and the victim's ingress, unless both "
        "consent."
    ),
    remedy="Remove the NetworkPolicy that lets it pass (`manor apply`).",
    requires=(TWO_TENANTS,),
    run=_look,
    kept=True,
)
