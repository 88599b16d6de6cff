"""Each of a tenant's namespaces is closed in both directions for every pod."""

from manor.api.wellknown import NETWORKING_API
from manor.verify import netpol
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen


async def _look(context: AttackContext) -> list[Attempt]:
    attempts = []
    for namespace in context.attacker.namespaces:
        policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        attempts.append(seen("policies are listed", f"{len(policies)} in {namespace}"))
        for direction in ("Ingress", "Egress"):
            closing = [
                policy["metadata"]["name"]
                for policy in policies
                if direction in netpol.types(policy)
                and not any(policy["spec"].get("podSelector", {}).values())
            ]
            got = ", ".join(closing) or "no policy selects every pod"
            attempts.append(
                holds(f"{direction.lower()} of {namespace}", bool(closing), got, "NetworkPolicy")
            )
    return attempts


CHECK = Check(
    id="MNR-NETWORK-020",
    title="Find a namespace that is not closed by default",
    guarantee="Each of a tenant's namespaces is closed in both directions for every pod.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "MTB: Network isolation",
    ),
    attempt=(
        "Looks for NetworkPolicies that select every pod of the namespace, for ingress and "
        "for egress."
    ),
    expect="In each direction a policy selects every pod.",
    remedy="`manor apply` writes manor-default-deny again.",
    run=_look,
    kept=True,
)
