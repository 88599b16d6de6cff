"""No tenant can become somebody else by a certificate."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-015",
    title="Have a client certificate signed",
    guarantee="No tenant can become somebody else by a certificate.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.11",
        "Kubernetes: RBAC good practices",
    ),
    attempt=(
        "Asks to create, approve and sign certificate signing requests, and to write cluster "
        "trust bundles."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives it.",
    run=no_access(
        Access(
            "create update patch delete", "certificatesigningrequests", "certificates.k8s.io", None
        ),
        Access("update patch", "certificatesigningrequests/approval", "certificates.k8s.io", None),
        Access("update patch", "certificatesigningrequests/status", "certificates.k8s.io", None),
        Access("approve sign", "signers", "certificates.k8s.io", None),
        Access("create update patch delete", "clustertrustbundles", "certificates.k8s.io", None),
    ),
)
