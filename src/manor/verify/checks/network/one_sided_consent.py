"""Traffic between two tenants needs the consent of both."""

from manor.api.wellknown import NETWORKING_API, TENANT_LABEL
from manor.verify.asked import consent
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.findings import holds, seen
from manor.verify.objects import Object


async def _look(context: AttackContext) -> list[Attempt]:
    tenants = {team.name: team.tenant for team in context.tenancy.teams if team.tenant is not None}
    attempts = [seen("Tenants are listed", f"{len(tenants)}")]
    for team in context.tenancy.teams:
        for namespace in team.namespaces:
            policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
            named = {name for policy in policies for name in _named(policy["spec"])} - {team.name}
            bad = sorted(
                name for name in named if not consent(tenants.get(team.name), tenants.get(name))
            )
            got = (
                f"policies name {', '.join(bad)} without the consent of both"
                if bad
                else f"names {len(named)} others"
            )
            attempts.append(holds(f"peers of {namespace}", not bad, got, "consent of both Tenants"))
    return attempts


def _named(spec: Object) -> list[str]:
    rules = [*(spec.get("ingress") or []), *(spec.get("egress") or [])]
    peers = [
        peer for rule in rules for peer in [*(rule.get("from") or []), *(rule.get("to") or [])]
    ]
    labels = [peer.get("namespaceSelector", {}).get("matchLabels", {}) for peer in peers]
    return [found[TENANT_LABEL] for found in labels if TENANT_LABEL in found]


CHECK = Check(
    id="MNR-NETWORK-023",
    title="Let oneself in without the other's consent",
    guarantee="Traffic between two tenants needs the consent of both.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "Kubernetes: Multi-tenancy, network isolation",
        "projectcapsule/capsule#200",
    ),
    attempt=(
        "For every tenant that allows another, compares with what the other allows and with the "
        "policies of both."
    ),
    expect="Where the other does not consent, no policy names it.",
    remedy="Remove the NetworkPolicy that names the tenant that did not consent (`manor apply`).",
    requires=(TENANTS,),
    run=_look,
    kept=True,
    scope="cluster",
)
