"""The API server's own metrics and debugging paths are closed to tenants."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-024",
    title="Read metrics, logs and debugging paths",
    guarantee="The API server's own metrics and debugging paths are closed to tenants.",
    severity=Severity.MEDIUM,
    level=Level.STATIC,
    references=(
        "CIS 1.2.15 (profiling)",
        "kubeflow/kubeflow#5588 (class)",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks for /metrics, /logs, /debug/pprof, /debug/flags and /debug/api_priority_and_fairness."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives the path.",
    run=no_access(
        *(
            Access("get", "", path=path)
            for path in (
                "/metrics",
                "/metrics/slis",
                "/logs",
                "/debug/pprof/",
                "/debug/flags/v",
                "/statusz",
                "/flagz",
            )
        ),
        Access("get", "", path="/debug/api_priority_and_fairness/dump_requests"),
    ),
)
