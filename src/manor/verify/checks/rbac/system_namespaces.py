"""The system's namespaces are closed to tenants."""

from manor.api.wellknown import RBAC_GROUP, SYSTEM_NAMESPACE
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-019",
    title="Work in the system namespaces",
    guarantee="The system's namespaces are closed to tenants.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.2",
        "CVE-2025-55205 (class)",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks to read Secrets and ConfigMaps and to create Pods, Secrets, RoleBindings, Leases "
        "and Endpoints "
        "in kube-system, kube-public, kube-node-lease, default and manor-system."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding that gives it.",
    run=no_access(
        *(
            Access(verbs, resource, group, namespace)
            for namespace in (
                "kube-system",
                "kube-public",
                "kube-node-lease",
                "default",
                SYSTEM_NAMESPACE,
            )
            for verbs, resource, group in (
                ("get list create update", "secrets", ""),
                ("list create update", "configmaps", ""),
                ("list create delete", "pods", ""),
                ("create update", "endpoints", ""),
                ("create update", "leases", "coordination.k8s.io"),
                ("create update", "rolebindings", RBAC_GROUP),
            )
        )
    ),
)
