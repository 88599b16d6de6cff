"""A tenant's Secrets are read by its own members alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC
from manor.verify.requests import lists, read

CHECK = Check(
    id="MNR-RBAC-001",
    title="Read another tenant's Secrets",
    guarantee="A tenant's Secrets are read by its own members alone.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.2",
        "NSA/CISA: Authentication and authorization",
        "MTB-PL1-CC-TI-2: Block access to other tenant resources",
    ),
    attempt="Lists the Secrets of another tenant's namespace, and gets one by name.",
    expect="403 from RBAC.",
    remedy="Remove the RoleBinding or ClusterRoleBinding that gives the attacker `secrets` there.",
    run=refused(
        {
            "list": lists("v1", "Secret", "$other"),
            "get": read("v1", "Secret", "default-token", "$other"),
        },
        by=RBAC,
        control={"list its own Pods": lists("v1", "Pod", "$own")},
    ),
)
