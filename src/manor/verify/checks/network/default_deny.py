"""Each of a tenant's namespaces is closed in both directions for every pod."""

from manor.api.wellknown import NETWORKING_API
from manor.verify import netpol
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds, seen
from manor.verify.ground import Ground
from manor.verify.trial import Trial


async def _look(ground: Ground) -> list[Trial]:
    trials = []
    for namespace in ground.attacker.namespaces:
        policies = await ground.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        trials.append(seen("policies are listed", f"{len(policies)} in {namespace}"))
        for direction in ("Ingress", "Egress"):
            closing = [
                policy["metadata"]["name"]
                for policy in policies
                if direction in netpol.types(policy) and not any(policy["spec"].get("podSelector", {}).values())
            ]
            got = ", ".join(closing) or "no policy selects every pod"
            trials.append(holds(f"{direction.lower()} of {namespace}", bool(closing), got, "NetworkPolicy"))
    return trials


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
    attempt="Looks for NetworkPolicies that select every pod of the namespace, for ingress and for egress.",
    expect="In each direction a policy selects every pod.",
    remedy="`manor apply` writes manor-default-deny again.",
    run=_look,
)
