"""A tenant's pods never gain privileges."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-007",
    title="Gain privileges by setuid programs",
    guarantee="A tenant's pods never gain privileges.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.6",
        "MTB-PL1-BC-CPI-6",
        "Pod Security Standards: Privilege Escalation",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Privilege Escalation”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "allowed": create(
                pod(
                    container(
                        securityContext={
                            "allowPrivilegeEscalation": True,
                            "capabilities": {"drop": ["ALL"]},
                        }
                    )
                )
            ),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
