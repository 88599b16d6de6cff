"""A tenant writes no cluster-scoped RBAC; no aggregated role can be widened."""

from manor.api.wellknown import RBAC_GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-011",
    title="Write ClusterRoles and ClusterRoleBindings",
    guarantee="A tenant writes no cluster-scoped RBAC; no aggregated role can be widened.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.1",
        "CIS 5.1.8",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks to create, change and delete ClusterRoles (aggregated ones among them) and "
        "ClusterRoleBindings."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives it.",
    run=no_access(
        Access("create update patch delete", "clusterroles", RBAC_GROUP, None),
        Access("create update patch delete", "clusterrolebindings", RBAC_GROUP, None),
    ),
)
