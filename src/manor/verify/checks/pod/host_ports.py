"""A tenant's pods never take a port of a node."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-004",
    title="Listen on a port of the node",
    guarantee="A tenant's pods never take a port of a node.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.13",
        "MTB-PL1-BC-HI-3",
        "Pod Security Standards: Host Ports",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Host Ports”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {"a hostPort": create(pod(container(ports=[{"containerPort": 80, "hostPort": 80}])))},
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
