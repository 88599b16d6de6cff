"""A tenant cannot write its own namespace, its labels, owner or Pod Security level."""

from manor.api.wellknown import TENANT_LABEL
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import tampering
from manor.verify.mechanisms import RBAC, any_of, policy

CHECK = Check(
    id="MNR-METADATA-001",
    title="Shake off the tenant by changing one's own namespace",
    guarantee="A tenant cannot write its own namespace, its labels, owner or Pod Security level.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2022-46167",
        "MTB-PL1-BC-CPI-2: Block Multitenant Resources",
    ),
    attempt=(
        "Removes the tenant label, the owner references and the Pod Security labels of its own "
        "namespace: by "
        "put, three kinds of patch and server-side apply; deletes it; deletes all namespaces."
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
        ("$own",),
        {
            "metadata": {
                "labels": {TENANT_LABEL: None, "pod-security.kubernetes.io/enforce": "privileged"},
                "ownerReferences": None,
            }
        },
        by=any_of(RBAC, policy("namespaces")),
        namespace=None,
    ),
)
