"""A tenant's pods see a masked /proc."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import container, pod
from manor.verify.requests import create

SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

CHECK = Check(
    id="MNR-POD-009",
    title="Unmask /proc",
    guarantee="A tenant's pods see a masked /proc.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.1",
        "Pod Security Standards: /proc Mount Type",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “/proc Mount Type”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "Unmasked": create(
                pod(container(securityContext={**SAFE, "procMount": "Unmasked"}), hostUsers=False)
            )
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
