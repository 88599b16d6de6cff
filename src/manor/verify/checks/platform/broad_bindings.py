"""No ClusterRoleBinding beyond Kubernetes' own names every user, every service account or
anonymous."""

from collections.abc import Set

from manor.api.wellknown import RBAC_API
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, name_of, seen
from manor.verify.objects import Object

BROAD = {
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
    "system:anonymous",
    "system:masters",
}
KNOWN = {
    "ClusterRoleBinding cluster-admin": {"system:masters"},
    "ClusterRoleBinding system:basic-user": {"system:authenticated"},
    "ClusterRoleBinding system:cluster-trust-bundle-discovery": {"system:serviceaccounts"},
    "ClusterRoleBinding system:discovery": {"system:authenticated"},
    "ClusterRoleBinding system:public-info-viewer": {
        "system:authenticated",
        "system:unauthenticated",
    },
    "ClusterRoleBinding system:service-account-issuer-discovery": {"system:serviceaccounts"},
}
"""Kubernetes' own ClusterRoleBindings, and whom each names."""
READS = {"get", "list", "watch"}


def _kubernetes_own(binding: Object) -> Set[str]:
    """Everybody whom Kubernetes itself names in this binding."""
    return KNOWN.get(name_of(binding), set())


async def _roles(context: AttackContext) -> list[Object]:
    """The RoleBindings in tenants' namespaces, and those elsewhere that give more than to look: a
    namespace that anybody may write to has no guardrails."""
    homes = {space for team in context.tenancy.teams for space in team.namespaces}
    roles = {
        (role["kind"], role["metadata"].get("namespace"), role["metadata"]["name"]): role
        for kind in ("ClusterRole", "Role")
        for role in await context.snapshot.all(RBAC_API, kind)
    }

    def more_than_looks(binding: Object) -> bool:
        kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
        place = binding["metadata"]["namespace"] if kind == "Role" else None
        rules = (roles.get((kind, place, name)) or {}).get("rules") or []
        return any(
            set(rule["verbs"]) - READS or {"secrets", "*"} & set(rule.get("resources", []))
            for rule in rules
        )

    return [
        binding
        for binding in await context.snapshot.all(RBAC_API, "RoleBinding")
        if binding["metadata"]["namespace"] in homes or more_than_looks(binding)
    ]


async def _look(context: AttackContext) -> list[Attempt]:
    bindings = await context.snapshot.all(RBAC_API, "ClusterRoleBinding")
    roles = await _roles(context)
    attempts = [
        seen(
            "bindings are listed", f"{len(bindings)} ClusterRoleBindings, {len(roles)} RoleBindings"
        )
    ]
    bad = [
        f"{name_of(binding)} binds {subject['name']} to {binding['roleRef']['name']}"
        for binding in [*bindings, *roles]
        for subject in binding.get("subjects") or []
        if (subject["name"] in BROAD or subject["name"].startswith("system:serviceaccounts:"))
        and subject["name"] not in _kubernetes_own(binding)
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
        "Looks at the subjects of every ClusterRoleBinding, of the RoleBindings in tenants' "
        "namespaces, and of those elsewhere by which one may write, or read Secrets."
    ),
    expect=(
        "system:authenticated, system:unauthenticated, system:serviceaccounts, system:anonymous "
        "and system:masters are bound by Kubernetes' own bindings alone, each by those of its own."
    ),
    remedy="Remove the binding.",
    run=_look,
    kept=True,
    scope="cluster",
)
