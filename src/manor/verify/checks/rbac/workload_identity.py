"""The service account that a tenant's pods run as has no rights, at home or elsewhere."""

from collections.abc import Sequence

from manor.api.wellknown import RBAC_GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.team import Actor, account


def _pods(context: AttackContext) -> Sequence[Actor]:
    return [account(context.attacker.namespace, "default")]


CHECK = Check(
    id="MNR-RBAC-022",
    title="Use the API with a Pod's own service account",
    guarantee=(
        "The service account that a tenant's pods run as has no rights, at home or elsewhere."
    ),
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CIS 5.1.5",
        "CIS 5.1.6",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "As the default service account of the tenant's namespace, asks for Secrets, Pods, exec "
        "and RoleBindings at home, elsewhere and cluster-wide."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding to the default service account; give a workload its own account.",
    run=no_access(
        *(
            Access(verbs, resource, group, namespace)
            for namespace in ("$own", "$other", None)
            for verbs, resource, group in (
                ("get list create", "secrets", ""),
                ("list create delete", "pods", ""),
                ("create", "pods/exec", ""),
                ("create", "serviceaccounts/token", ""),
                ("create", "rolebindings", RBAC_GROUP),
            )
        ),
        actors=_pods,
    ),
)
