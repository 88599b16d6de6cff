"""Each listener serves its own tenant's host names and takes routes of its own tenant's namespaces
alone."""

from itertools import combinations

from manor.api.hosts import overlap
from manor.api.wellknown import GATEWAY_API, TENANT_LABEL
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
        admitted = {"matchLabels": {TENANT_LABEL: tenant}}
        for listener in gateway["spec"]["listeners"]:
            spaces = listener.get("allowedRoutes", {}).get("namespaces", {"from": "Same"})
            host = listener.get("hostname")
            fine = host in hosts.get(tenant, ()) and spaces == {
                "from": "Selector",
                "selector": admitted,
            }
            what = f"listener {listener['name']} of Gateway {gateway['metadata']['name']}"
            attempts.append(
                holds(
                    what, fine, f"host {host}, takes routes from {spaces}", "the Gateway's listener"
                )
            )
    for one, other in combinations(hosts, 2):
        shared = [f"{a} and {b}" for a in hosts[one] for b in hosts[other] if overlap(a, b)]
        if shared:
            attempts.append(
                holds(
                    f"hosts of {one} and {other}", False, f"they overlap: {', '.join(shared)}", ""
                )
            )
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
        "Each has a host name of its tenant and admits namespaces by the tenant's label; no two "
        "tenants overlap."
    ),
    remedy="`manor apply` writes the Gateway again.",
    requires=(GATEWAYS,),
    run=_look,
    scope="cluster",
)
