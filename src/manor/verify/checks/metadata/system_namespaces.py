"""A tenant cannot write the system's namespaces."""

from manor.api.wellknown import TENANT_LABEL
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import tampering
from manor.verify.mechanisms import RBAC, any_of, policy

CHECK = Check(
    id="MNR-METADATA-003",
    title="Capture a system namespace",
    guarantee="A tenant cannot write the system's namespaces.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2025-55205",
        "CVE-2024-39690",
    ),
    attempt=(
        "Labels kube-system, kube-public, kube-node-lease and default as its own, in every way "
        "of writing; "
        "deletes them."
    ),
    expect="403 from RBAC, or refused by the policy manor-namespaces.",
    remedy=(
        "Bind the policy manor-namespaces again (`manor apply`), and take the right on "
        "namespaces from the "
        "tenant's roles."
    ),
    run=tampering(
        "v1",
        "Namespace",
        ("kube-system", "kube-public", "kube-node-lease", "default"),
        {"metadata": {"labels": {TENANT_LABEL: "$tenant"}}},
        by=any_of(RBAC, policy("namespaces")),
        namespace=None,
    ),
)
