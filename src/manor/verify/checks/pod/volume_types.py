"""A tenant's pods mount the restricted kinds of volumes alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-012",
    title="Mount in-tree network volumes",
    guarantee="A tenant's pods mount the restricted kinds of volumes alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.2.1",
        "CVE-2024-10220",
        "Pod Security Standards: Volume Types",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Volume Types”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "NFS": create(pod(volumes=[{"name": "v", "nfs": {"server": "10.0.0.1", "path": "/"}}])),
            "iSCSI": create(
                pod(
                    volumes=[
                        {
                            "name": "v",
                            "iscsi": {
                                "targetPortal": "10.0.0.1",
                                "iqn": "iqn.2001-04.com.example:a",
                                "lun": 0,
                            },
                        }
                    ]
                )
            ),
            "gitRepo": create(
                pod(volumes=[{"name": "v", "gitRepo": {"repository": "https://example.com/r.git"}}])
            ),
            "FlexVolume": create(pod(volumes=[{"name": "v", "flexVolume": {"driver": "a/b"}}])),
            "Ceph": create(pod(volumes=[{"name": "v", "cephfs": {"monitors": ["10.0.0.1"]}}])),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
