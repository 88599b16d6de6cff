"""A tenant's pods always run under a seccomp profile."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import container, pod
from manor.verify.requests import create

SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

CHECK = Check(
    id="MNR-POD-008",
    title="Run without a seccomp profile",
    guarantee="A tenant's pods always run under a seccomp profile.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.7.2",
        "CVE-2022-0185",
        "Pod Security Standards: Seccomp",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Seccomp”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "Unconfined for the pod": create(
                pod(security={"seccompProfile": {"type": "Unconfined"}})
            ),
            "Unconfined for a container": create(
                pod(container(securityContext={**SAFE, "seccompProfile": {"type": "Unconfined"}}))
            ),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
