"""A tenant's notebooks are its own members' to see, start and stop."""

from manor.api.wellknown import GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-030",
    title="Read, start or stop another tenant's notebooks",
    guarantee="A tenant's notebooks are its own members' to see, start and stop.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CIS 5.1.1",
        "NSA/CISA: Authentication and authorization",
        "CVE-2024-28179 (class)",
    ),
    attempt=(
        "Asks to read, create, change and delete Workspaces. (To enter one takes what MNR-RBAC-004 "
        "asks for; to connect to it, MNR-NETWORK-001.)"
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding that gives it.",
    run=no_access(
        Access("get list watch create update patch delete deletecollection", "workspaces", GROUP),
    ),
)
