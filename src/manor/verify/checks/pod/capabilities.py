"""A tenant's pods hold no Linux capability."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import container, pod
from manor.verify.requests import create

SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

CHECK = Check(
    id="MNR-POD-005",
    title="Add Linux capabilities",
    guarantee="A tenant's pods hold no Linux capability.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.8",
        "CIS 5.2.9",
        "CIS 5.2.10",
        "MTB-PL1-BC-CPI-3",
        "CVE-2020-14386",
        "Pod Security Standards: Capabilities",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Capabilities”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "SYS_ADMIN": create(
                pod(
                    container(
                        securityContext={
                            **SAFE,
                            "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]},
                        }
                    )
                )
            ),
            "NET_RAW": create(
                pod(
                    container(
                        securityContext={
                            **SAFE,
                            "capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]},
                        }
                    )
                )
            ),
            "NET_ADMIN": create(
                pod(
                    container(
                        securityContext={
                            **SAFE,
                            "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
                        }
                    )
                )
            ),
            "not all dropped": create(
                pod(container(securityContext={**SAFE, "capabilities": {"drop": ["CHOWN"]}}))
            ),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
