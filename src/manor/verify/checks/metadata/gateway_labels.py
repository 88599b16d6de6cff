"""No NetworkPolicy lets pods in by a label that a tenant can give its own pods."""

from manor.api.wellknown import NAMESPACE_NAME_LABEL, NETWORKING_API, TENANT_LABEL
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import NETWORK_POLICIES
from manor.verify.findings import holds, name_of, seen
from manor.verify.objects import Object

TRUSTED = {TENANT_LABEL, NAMESPACE_NAME_LABEL}


async def _look(context: AttackContext) -> list[Attempt]:
    attempts = []
    for namespace in context.attacker.namespaces:
        policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        attempts.append(seen("policies are there", f"{len(policies)} in {namespace}"))
        attempts += [_peers(policy) for policy in policies]
    return attempts


def _names(selector: Object) -> bool:
    """Whether a selector names namespaces; what it asks for besides only narrows it."""
    named = {*selector.get("matchLabels", {})}
    named |= {
        term["key"] for term in selector.get("matchExpressions", []) if term["operator"] == "In"
    }
    return bool(named & TRUSTED)


def _peers(policy: Object) -> Attempt:
    rules = [*(policy["spec"].get("ingress") or []), *(policy["spec"].get("egress") or [])]
    peers = [
        peer for rule in rules for peer in [*(rule.get("from") or []), *(rule.get("to") or [])]
    ]
    bad = [
        peer
        for peer in peers
        if "namespaceSelector" in peer and not _names(peer["namespaceSelector"])
    ]
    got = f"by labels that others may write: {bad}" if bad else f"{len(peers)} peers"
    return holds(f"peers of {name_of(policy)}", not bad, got, "trusted labels alone")


CHECK = Check(
    id="MNR-METADATA-013",
    title="Borrow the labels that policies let in",
    guarantee="No NetworkPolicy lets pods in by a label that a tenant can give its own pods.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "projectcapsule/capsule#200",
        "CVE-2024-39690 (class)",
    ),
    attempt="Looks at every peer of the NetworkPolicies of the tenant's namespaces.",
    expect=(
        "Each peer names namespaces by manor.dev/tenant or kubernetes.io/metadata.name, which no "
        "tenant can "
        "write, or addresses."
    ),
    remedy=(
        "Remove the NetworkPolicy, or select namespaces by a label that the platform alone writes."
    ),
    requires=(NETWORK_POLICIES,),
    run=_look,
    kept=True,
)
