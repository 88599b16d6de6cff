"""No tenant holds any right on nodes."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-012",
    title="Reach kubelets through the API server",
    guarantee="No tenant holds any right on nodes.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.10",
        "CVE-2020-8562 (class)",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks for nodes, nodes/proxy, nodes/stats, nodes/metrics, nodes/log, nodes/configz and "
        "node status."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives it.",
    run=no_access(
        Access("get list create update patch delete", "nodes", namespace=None),
        Access("get create update patch delete", "nodes/proxy", namespace=None),
        Access("get", "nodes/stats", namespace=None),
        Access("get", "nodes/metrics", namespace=None),
        Access("get", "nodes/log", namespace=None),
        Access("get", "nodes/configz", namespace=None),
        Access("update patch", "nodes/status", namespace=None),
    ),
)
