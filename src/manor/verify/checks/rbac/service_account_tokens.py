"""No tenant's user can have the API server issue tokens for others."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-014",
    title="Ask for tokens of service accounts",
    guarantee="No tenant's user can have the API server issue tokens for others.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CIS 5.1.13",
        "CIS 5.1.6",
        "Kubernetes: RBAC good practices",
    ),
    attempt=(
        "Asks to create serviceaccounts/token in another tenant's and in system namespaces, and "
        "cluster-wide."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Take `serviceaccounts/token` from the role.",
    run=no_access(
        Access("create", "serviceaccounts/token"),
        Access("create", "serviceaccounts/token", namespace="kube-system"),
        Access("create", "serviceaccounts/token", namespace=None),
    ),
)
