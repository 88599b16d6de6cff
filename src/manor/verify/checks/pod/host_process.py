"""A tenant's pods never run as a Windows host process."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-013",
    title="Run a Windows HostProcess container",
    guarantee="A tenant's pods never run as a Windows host process.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.11",
        "Pod Security Standards: HostProcess",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “HostProcess”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "hostProcess": create(
                pod(security={"windowsOptions": {"hostProcess": True}}, hostNetwork=True)
            )
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
