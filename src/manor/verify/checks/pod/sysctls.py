"""A tenant's pods set safe sysctls alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-010",
    title="Set unsafe sysctls",
    guarantee="A tenant's pods set safe sysctls alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CVE-2022-0811",
        "Pod Security Standards: Sysctls",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Sysctls”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "kernel.shm_rmid_forced is safe, kernel.msgmax is not": create(
                pod(security={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})
            ),
            "net.core.somaxconn": create(
                pod(security={"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]})
            ),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
