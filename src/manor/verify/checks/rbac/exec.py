"""Nobody enters a tenant's containers but its members."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-004",
    title="Run commands in another tenant's Pods",
    guarantee="Nobody enters a tenant's containers but its members.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.4",
        "NSA/CISA: Authentication and authorization",
        "CVE-2018-1002105 (class)",
    ),
    attempt=(
        "Asks for exec, attach and port-forward (by create and by get, which websockets use), "
        "ephemeral "
        "containers and resize."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding that gives `pods/exec` or its like there.",
    run=no_access(
        Access("create get", "pods/exec"),
        Access("create get", "pods/attach"),
        Access("create get", "pods/portforward"),
        Access("update patch", "pods/ephemeralcontainers"),
        Access("update patch", "pods/resize"),
    ),
)
