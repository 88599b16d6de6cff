"""A tenant cannot write another's namespace."""

from manor.api.wellknown import TENANT_LABEL
from manor.verify.check import Check, Level, Severity
from manor.verify.features import TWO_TENANTS
from manor.verify.findings import tampering
from manor.verify.mechanisms import RBAC, any_of, policy

CHECK = Check(
    id="MNR-METADATA-002",
    title="Capture another tenant's namespace",
    guarantee="A tenant cannot write another's namespace.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2024-39690",
        "CVE-2022-46167",
    ),
    attempt=(
        "Labels the namespace of another tenant as its own, in every way of writing; deletes it."
    ),
    expect="403 from RBAC, or refused by the policy manor-namespaces.",
    remedy=(
        "Bind the policy manor-namespaces again (`manor apply`), and take the right on "
        "namespaces from the "
        "tenant's roles."
    ),
    requires=(TWO_TENANTS,),
    run=tampering(
        "v1",
        "Namespace",
        ("$other",),
        {"metadata": {"labels": {TENANT_LABEL: "$tenant"}}},
        by=any_of(RBAC, policy("namespaces")),
        namespace=None,
    ),
)
