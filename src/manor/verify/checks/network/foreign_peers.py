"""NetworkPolicies let pass only the tenant itself, its consenting peers, DNS and the gateway."""

from manor.api.wellknown import NETWORKING_API
from manor.verify import netpol
from manor.verify.asked import consent
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds, need, seen
from manor.verify.ground import Ground
from manor.verify.trial import Trial


async def _labels(ground: Ground, namespace: str) -> dict[str, str]:
    found = await ground.snapshot.named("v1", "Namespace", namespace)
    need(found, f"namespace {namespace} does not exist")
    return dict((found or {})["metadata"].get("labels", {}))


async def _look(ground: Ground) -> list[Trial]:
    here, there = ground.attacker.namespace, ground.victim.namespace
    sides = (("Egress", here, there), ("Ingress", there, here))
    home = await ground.snapshot.of(NETWORKING_API, "NetworkPolicy", here)
    own = netpol.admits(home, "Ingress", here, await _labels(ground, here))
    trials = [seen(f"{here} lets its own pods in", f"by {own}")] if own else []
    for direction, namespace, peer in sides:
        policies = await ground.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        opening = netpol.admits(policies, direction, peer, await _labels(ground, peer))
        fine = opening is None or consent(ground.attacker.tenant, ground.victim.tenant)
        got = f"open: {opening}" if opening else f"none of {len(policies)} policies lets it pass"
        trials.append(holds(f"{direction.lower()} of {namespace} against {peer}", fine, got, "NetworkPolicy"))
    return trials


CHECK = Check(
    id="MNR-NETWORK-021",
    title="Find a policy that lets another tenant in or out",
    guarantee="NetworkPolicies let pass only the tenant itself, its consenting peers, DNS and the gateway.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.3.2",
        "projectcapsule/capsule#200",
        "NSA/CISA: Network separation and hardening",
    ),
    attempt=(
        "Works out from the attacker's and the victim's NetworkPolicies whether any pod of the attacker, "
        "whatever its labels, may connect to the victim."
    ),
    expect="Both sides keep it out: the attacker's egress and the victim's ingress, unless both consent.",
    remedy="Remove the NetworkPolicy that lets it pass (`manor apply`).",
    run=_look,
)
