"""NetworkPolicies let pass only the tenant itself, its consenting peers, DNS and the gateway."""

from collections.abc import Iterator
from itertools import product

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


def _openings(context: AttackContext) -> Iterator[tuple[str, str, str]]:
    """Each way from one tenant to the other: whose policies say something of it, and of whom."""
    for here, there in product(context.attacker.namespaces, context.victim.namespaces):
        yield "Egress", here, there
        yield "Ingress", there, here


async def _look(context: AttackContext) -> list[Attempt]:
    attacker, platform = context.attacker, context.tenancy.platform
    networks = platform.spec.network.pod_cidrs if platform else []
    here = attacker.namespace
    home = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", here)
    own = netpol.admits(home, "Ingress", here, await _labels(context, here))
    attempts = [seen(f"{here} lets its own pods in", f"by {own}")] if own else []
    asked = consent(attacker.tenant, context.victim.tenant)
    for direction, namespace, peer in _openings(context):
        policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        opening = netpol.admits(policies, direction, peer, await _labels(context, peer))
        got = f"open: {opening}" if opening else f"none of {len(policies)} policies lets it pass"
        attempts.append(
            holds(
                f"{direction.lower()} of {namespace} against {peer}",
                opening is None or asked,
                got,
                "NetworkPolicy",
            )
        )
    for namespace in attacker.namespaces if networks else ():
        policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        opening = netpol.admits_by_address(policies, networks)
        got = f"open: {opening}" if opening else f"none of {len(policies)} policies lets it pass"
        what = f"ingress of {namespace} against every pod's address"
        attempts.append(holds(what, opening is None, got, "NetworkPolicy"))
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
        "Works out from the NetworkPolicies of all namespaces of the attacker and the victim "
        "whether any pod of the attacker may connect to any of the victim, whatever the labels of "
        "both, and whether one lets in by the addresses of pods."
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
