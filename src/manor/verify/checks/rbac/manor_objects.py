"""A tenant cannot change what it is, nor see what others are."""

from manor.api.wellknown import GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-018",
    title="Change Tenants and the Platform",
    guarantee="A tenant cannot change what it is, nor see what others are.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CVE-2022-46167 (class)",
        "CVE-2024-39690 (class)",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks to create, change and delete Tenants (its own too), their status, and the "
        "Platform; to read or "
        "own another's Tenant."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives it.",
    run=no_access(
        Access("create delete deletecollection list watch", "tenants", GROUP, None),
        Access("update patch delete", "tenants", GROUP, None, "$tenant"),
        Access("update patch", "tenants/status", GROUP, None, "$tenant"),
        Access("get update patch delete own", "tenants", GROUP, None, "$other_tenant"),
        Access("create update patch delete", "platforms", GROUP, None, "manor"),
    ),
)
