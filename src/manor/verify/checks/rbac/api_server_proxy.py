"""The API server's proxy, which stands behind every NetworkPolicy, is closed to tenants, at home
too."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-013",
    title="Use the API server as a proxy to Pods and Services",
    guarantee=(
        "The API server's proxy, which stands behind every NetworkPolicy, is closed to tenants, "
        "at home too."
    ),
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CVE-2020-8562",
        "CVE-2020-8559 (class)",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt="Asks for pods/proxy and services/proxy at home and in another tenant's namespace.",
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Take `pods/proxy` and `services/proxy` from the role.",
    run=no_access(
        Access("get create update patch delete", "pods/proxy", namespace="$own"),
        Access("get create update patch delete", "services/proxy", namespace="$own"),
        Access("get create update patch delete", "pods/proxy"),
        Access("get create update patch delete", "services/proxy"),
    ),
)
