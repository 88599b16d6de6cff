"""Admission is configured by the platform alone."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-016",
    title="Write admission policies and webhooks",
    guarantee="Admission is configured by the platform alone.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.12",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks to create, change and delete validating and mutating policies, their bindings and "
        "webhook configurations."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives it.",
    run=no_access(
        *(
            Access("create update patch delete", resource, "admissionregistration.k8s.io", None)
            for resource in (
                "validatingadmissionpolicies",
                "validatingadmissionpolicybindings",
                "mutatingadmissionpolicies",
                "mutatingadmissionpolicybindings",
                "validatingwebhookconfigurations",
                "mutatingwebhookconfigurations",
            )
        )
    ),
)
