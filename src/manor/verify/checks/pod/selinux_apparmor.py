"""A tenant's pods stay confined by AppArmor and SELinux."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-011",
    title="Leave SELinux or AppArmor confinement",
    guarantee="A tenant's pods stay confined by AppArmor and SELinux.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.7.3",
        "Pod Security Standards: SELinux and AppArmor",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “SELinux and AppArmor”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "AppArmor unconfined": create(
                pod(security={"appArmorProfile": {"type": "Unconfined"}})
            ),
            "a SELinux user": create(pod(security={"seLinuxOptions": {"user": "system_u"}})),
            "SELinux type spc_t": create(pod(security={"seLinuxOptions": {"type": "spc_t"}})),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
