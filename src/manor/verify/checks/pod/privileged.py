"""A tenant's pods never run privileged."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-001",
    title="Run a privileged container",
    guarantee="A tenant's pods never run privileged.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.2",
        "MTB-PL1-BC-CPI-5",
        "Pod Security Standards: Privileged Containers",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Privileged Containers”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "a container": create(pod(container(securityContext={"privileged": True}))),
            "an init container": create(
                pod(initContainers=[container(name="init", securityContext={"privileged": True})])
            ),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
