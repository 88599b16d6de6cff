"""A tenant's pods never share a node's namespaces."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-003",
    title="Share the node's network, processes or IPC",
    guarantee="A tenant's pods never share a node's namespaces.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.3",
        "CIS 5.2.4",
        "CIS 5.2.5",
        "MTB-PL1-BC-HI-3",
        "MTB-PL1-BC-HI-4",
        "MTB-PL1-BC-HI-5",
        "CVE-2020-15257",
        "Pod Security Standards: Host Namespaces",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Host Namespaces”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "hostNetwork": create(pod(hostNetwork=True)),
            "hostPID": create(pod(hostPID=True)),
            "hostIPC": create(pod(hostIPC=True)),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
