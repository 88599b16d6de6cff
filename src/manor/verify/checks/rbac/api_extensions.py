"""No tenant adds to or takes over the API."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-017",
    title="Extend the API: CRDs and aggregated servers",
    guarantee="No tenant adds to or takes over the API.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.3",
        "CVE-2022-3172",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks to create, change and delete CustomResourceDefinitions and APIServices (an "
        "aggregated server "
        "may redirect clients)."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives it.",
    run=no_access(
        Access(
            "create update patch delete", "customresourcedefinitions", "apiextensions.k8s.io", None
        ),
        Access("create update patch delete", "apiservices", "apiregistration.k8s.io", None),
    ),
)
