"""No NetworkPolicy lets pods in by a label that a tenant can give its own pods."""

from manor.api.wellknown import NAMESPACE_NAME_LABEL, NETWORKING_API, TENANT_LABEL
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds, need, seen
from manor.verify.ground import Ground
from manor.verify.trial import Trial

TRUSTED = ({TENANT_LABEL}, {NAMESPACE_NAME_LABEL})


async def _look(ground: Ground) -> list[Trial]:
    policies = await ground.snapshot.of(NETWORKING_API, "NetworkPolicy", ground.attacker.namespace)
    need(policies, f"namespace {ground.attacker.namespace} has no NetworkPolicy")
    trials = [seen("policies are there", f"{len(policies)} in {ground.attacker.namespace}")]
    for policy in policies:
        rules = [*(policy["spec"].get("ingress") or []), *(policy["spec"].get("egress") or [])]
        peers = [peer for rule in rules for peer in [*(rule.get("from") or []), *(rule.get("to") or [])]]
        bad = [
            peer
            for peer in peers
            if "namespaceSelector" in peer
            and (
                set(peer["namespaceSelector"].get("matchLabels", {})) not in TRUSTED
                or peer["namespaceSelector"].get("matchExpressions")
            )
        ]
        got = f"by labels that others may write: {bad}" if bad else f"{len(peers)} peers"
        trials.append(
            holds(f"peers of NetworkPolicy {policy['metadata']['name']}", not bad, got, "trusted labels alone")
        )
    return trials


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
        "Each peer names namespaces by manor.dev/tenant or kubernetes.io/metadata.name, which no tenant can "
        "write, or addresses."
    ),
    remedy="Remove the NetworkPolicy, or select namespaces by a label that the platform alone writes.",
    run=_look,
)
