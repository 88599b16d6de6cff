"""Each listener serves its own tenant's host names and takes routes of its own tenant's namespaces
alone."""

from manor.api.hosts import HostClaims
from manor.api.wellknown import GATEWAY_API, TENANT_LABEL, closed_host
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import GATEWAYS
from manor.verify.findings import holds, seen
from manor.verify.objects import Object


async def _look(context: AttackContext) -> list[Attempt]:
    gateways = [g for g in await context.snapshot.all(GATEWAY_API, "Gateway") if _tenant(g)]
    hosts = {team.name: set(team.hosts) for team in context.tenancy.teams}
    attempts = [seen("Gateways are there", f"{len(gateways)} of {len(hosts)} tenants")]
    for gateway in gateways:
        tenant = _tenant(gateway)
        admitted = {"from": "Selector", "selector": {"matchLabels": {TENANT_LABEL: tenant}}}
        for listener in gateway["spec"]["listeners"]:
            spaces = listener.get("allowedRoutes", {}).get("namespaces", {"from": "Same"})
            host = listener.get("hostname")
            closed = host == closed_host(tenant) and spaces == {"from": "Same"}
            fine = closed or (host in hosts.get(tenant, ()) and spaces == admitted)
            what = f"listener {listener['name']} of Gateway {gateway['metadata']['name']}"
            attempts.append(
                holds(
                    what, fine, f"host {host}, takes routes from {spaces}", "the Gateway's listener"
                )
            )
    claims = HostClaims()
    for name, own in hosts.items():
        for host in sorted(own):
            if taken := claims.claim(host, name):
                what = f"hosts of {taken[1]} and {name}"
                attempts.append(holds(what, False, f"they overlap: {taken[0]} and {host}", ""))
    return attempts


def _tenant(gateway: Object) -> str:
    return str(gateway["metadata"].get("labels", {}).get(TENANT_LABEL, ""))


CHECK = Check(
    id="MNR-ROUTES-010",
    title="Find a listener that serves or admits more than its tenant",
    guarantee=(
        "Each listener serves its own tenant's host names and takes routes of its own tenant's "
        "namespaces alone."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "Gateway API: Cross namespace routing",
        "CVE-2021-25748 (class)",
    ),
    attempt=(
        "Looks at every listener of every tenant's Gateway, and whether two tenants' host names "
        "overlap, "
        "wildcards included."
    ),
    expect=(
        "Each has a host name of its tenant and admits namespaces by the tenant's label, or is the "
        "closed one of `manor-system`; no two tenants overlap."
    ),
    remedy="`manor apply` writes the Gateway again.",
    requires=(GATEWAYS,),
    run=_look,
    scope="cluster",
)
