"""A tenant's pods never see a node's files."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-002",
    title="Mount the node's file system",
    guarantee="A tenant's pods never see a node's files.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.12",
        "MTB-PL1-BC-HI-1",
        "CVE-2021-25741 (class)",
        "CVE-2017-1002101 (class)",
        "Pod Security Standards: HostPath Volumes",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “HostPath Volumes”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "the root": create(pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}])),
            "the container runtime's socket": create(
                pod(
                    volumes=[
                        {"name": "host", "hostPath": {"path": "/run/containerd/containerd.sock"}}
                    ]
                )
            ),
            "the kubelet's pods": create(
                pod(volumes=[{"name": "host", "hostPath": {"path": "/var/lib/kubelet/pods"}}])
            ),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
