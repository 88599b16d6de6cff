"""A user of the cluster who is in no tenant, such as a former member, has no right in any."""

from manor.api.wellknown import GROUP, RBAC_GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity
from manor.verify.team import Actor

STRANGER = Actor("stranger", "manor-verify-stranger")

CHECK = Check(
    id="MNR-RBAC-021",
    title="Enter a tenant as a stranger or a former member",
    guarantee=(
        "A user of the cluster who is in no tenant, such as a former member, has no right in any."
    ),
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CIS 5.1.1",
        "NSA/CISA: Authentication and authorization",
        "GKE: system:authenticated",
    ),
    attempt=(
        "As an authenticated user without any tenant, asks to read and write in tenants' "
        "namespaces and to "
        "create namespaces."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding to system:authenticated or to the former member.",
    run=no_access(
        Access("get list watch create delete", "secrets", namespace="$own"),
        Access("get list watch create delete", "pods", namespace="$own"),
        Access("get list create", "configmaps", namespace="$own"),
        Access("create get", "pods/exec", namespace="$own"),
        Access("create", "rolebindings", RBAC_GROUP, "$own"),
        Access("get own", "tenants", GROUP, None, "$tenant"),
        Access("create", "namespaces", namespace=None),
        Access("list", "secrets", namespace=None),
        actors=lambda _: [STRANGER],
    ),
)
