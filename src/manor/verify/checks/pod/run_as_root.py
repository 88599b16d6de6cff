"""A tenant's pods never run as root."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import container, pod
from manor.verify.requests import create

SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

CHECK = Check(
    id="MNR-POD-006",
    title="Run as root",
    guarantee="A tenant's pods never run as root.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.7",
        "MTB-PL1-BC-CPI-4",
        "CVE-2019-5736",
        "Pod Security Standards: Running as Non-root",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Running as Non-root”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "runAsUser 0": create(pod(security={"runAsUser": 0})),
            "runAsNonRoot false": create(pod(security={"runAsNonRoot": False})),
            "a container as user 0": create(
                pod(container(securityContext={**SAFE, "runAsUser": 0}))
            ),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
