"""No ClusterRoleBinding beyond Kubernetes' own names every user, every service account or
anonymous."""

from manor.api.wellknown import RBAC_API
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, name_of, seen

BROAD = {
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
    "system:anonymous",
    "system:masters",
}
KNOWN = {
    "cluster-admin",
    "system:basic-user",
    "system:cluster-trust-bundle-discovery",
    "system:discovery",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
}


async def _look(context: AttackContext) -> list[Attempt]:
    bindings = await context.snapshot.all(RBAC_API, "ClusterRoleBinding")
    homes = {space for team in context.tenancy.teams for space in team.namespaces}
    roles = [
        b
        for b in await context.snapshot.all(RBAC_API, "RoleBinding")
        if b["metadata"]["namespace"] in homes
    ]
    attempts = [
        seen(
            "bindings are listed", f"{len(bindings)} ClusterRoleBindings, {len(roles)} RoleBindings"
        )
    ]
    bad = [
        f"{name_of(binding)} binds {subject['name']} to {binding['roleRef']['name']}"
        for binding in [*bindings, *roles]
        if binding["metadata"]["name"] not in KNOWN
        for subject in binding.get("subjects") or []
        if subject["name"] in BROAD or subject["name"].startswith("system:serviceaccounts:")
    ]
    bad = [text for text in bad if "system:serviceaccounts:kube-system" not in text]
    attempts.append(
        holds("bindings to everybody", not bad, "; ".join(bad) or "Kubernetes' own alone", "RBAC")
    )
    return attempts


CHECK = Check(
    id="MNR-PLATFORM-003",
    title="Find a right that everybody has",
    guarantee=(
        "No ClusterRoleBinding beyond Kubernetes' own names every user, every service account or "
        "anonymous."
    ),
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CIS 5.1.1",
        "CIS 5.1.7",
        "GKE: system:authenticated",
    ),
    attempt=(
        "Looks at the subjects of every ClusterRoleBinding and of the RoleBindings in tenants' "
        "namespaces."
    ),
    expect=(
        "system:authenticated, system:unauthenticated, system:serviceaccounts, system:anonymous "
        "and system:masters are bound by Kubernetes' own bindings alone."
    ),
    remedy="Remove the binding.",
    run=_look,
    kept=True,
    scope="cluster",
)
