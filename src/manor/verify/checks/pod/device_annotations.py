"""No annotation of a pod reaches the container runtime."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-038",
    title="Inject devices by annotation",
    guarantee="No annotation of a pod reaches the container runtime.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Container Device Interface (CDI)",
        "CVE-2022-0811 (class)",
    ),
    attempt="Creates Pods with annotations that CDI, NRI and Multus act on.",
    expect="Refused by the policy manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "CDI": create(pod(meta={"annotations": {"cdi.k8s.io/verify": "nvidia.com/gpu=all"}})),
            "Multus": create(
                pod(meta={"annotations": {"k8s.v1.cni.cncf.io/networks": "kube-system/host"}})
            ),
            "NRI": create(
                pod(meta={"annotations": {"devices.nri.io/container.main": "path: /dev/mem"}})
            ),
        },
        by=policy("metadata"),
        control=create(pod()),
    ),
)
