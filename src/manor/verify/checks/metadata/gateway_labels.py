"""No NetworkPolicy lets pods in by a label that a tenant can give its own pods."""

from manor.api.wellknown import NAMESPACE_NAME_LABEL, NETWORKING_API, TENANT_LABEL
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import NETWORK_POLICIES
from manor.verify.findings import holds, seen

TRUSTED = ({TENANT_LABEL}, {NAMESPACE_NAME_LABEL})


async def _look(context: AttackContext) -> list[Attempt]:
    policies = await context.snapshot.of(
        NETWORKING_API, "NetworkPolicy", context.attacker.namespace
    )
    attempts = [seen("policies are there", f"{len(policies)} in {context.attacker.namespace}")]
    for policy in policies:
        rules = [*(policy["spec"].get("ingress") or []), *(policy["spec"].get("egress") or [])]
        peers = [
            peer for rule in rules for peer in [*(rule.get("from") or []), *(rule.get("to") or [])]
        ]
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
        attempts.append(
            holds(
                f"peers of NetworkPolicy {policy['metadata']['name']}",
                not bad,
                got,
                "trusted labels alone",
            )
        )
    return attempts


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
