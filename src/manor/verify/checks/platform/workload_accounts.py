"""No service account of a tenant's namespace is bound cluster-wide or elsewhere."""

import re

from manor.api.wellknown import RBAC_API, TENANT_LABEL, tenant_cluster_role
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, name_of, seen, subject_name
from manor.verify.objects import Object

NAMED = re.compile("system:serviceaccounts?:([^:]+)")


def _home(subject: Object) -> str:
    """The namespace of the service account, or of all of one, that a subject names: by its kind or
    by the name that the authorizer knows it by."""
    if subject["kind"] == "ServiceAccount":
        return str(subject.get("namespace", ""))
    named = NAMED.match(subject["name"])
    return named[1] if named else ""


async def _look(context: AttackContext) -> list[Attempt]:
    homes = {space: team for team in context.tenancy.teams for space in team.namespaces}
    # A namespace that is being deleted is none of the team's any more, and has its bindings to the
    # end.
    ending = {
        space["metadata"]["name"]: space["metadata"].get("labels", {}).get(TENANT_LABEL)
        for space in await context.snapshot.all("v1", "Namespace")
        if "deletionTimestamp" in space["metadata"]
    }
    bindings = [
        *await context.snapshot.all(RBAC_API, "ClusterRoleBinding"),
        *await context.snapshot.all(RBAC_API, "RoleBinding"),
    ]
    bad = []
    for binding in bindings:
        for subject in binding.get("subjects") or []:
            team = homes.get(_home(subject))
            if team is None:
                continue
            place = binding["metadata"].get("namespace")
            if place in team.namespaces or ending.get(place) == team.name:
                continue
            if not binding["metadata"]["name"].startswith(tenant_cluster_role(team.name)):
                bad.append(
                    f"{name_of(binding)} binds {subject_name(subject)} to "
                    f"{binding['roleRef']['name']}"
                )
    return [
        seen("bindings are listed", f"{len(bindings)}"),
        holds(
            "tenants' service accounts", not bad, "; ".join(bad) or "bound at home alone", "RBAC"
        ),
    ]


CHECK = Check(
    id="MNR-PLATFORM-008",
    title="Find a tenant's service account with rights over the cluster",
    guarantee="No service account of a tenant's namespace is bound cluster-wide or elsewhere.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.5",
        "CVE-2023-46254 (class)",
    ),
    attempt=(
        "Looks at every ClusterRoleBinding and RoleBinding for service accounts of tenants' "
        "namespaces."
    ),
    expect=(
        "They are bound in their own tenant's namespaces alone, unless they are members of "
        "the tenant."
    ),
    remedy="Remove the binding.",
    run=_look,
    kept=True,
    scope="cluster",
)
