"""No tenant takes more of the nodes' disks than its quota."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import QUOTA
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-QUOTA-003",
    title="Fill a node's disk",
    guarantee="No tenant takes more of the nodes' disks than its quota.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("MTB-PL1-CC-FNS-1: Configure namespace resource quotas",),
    attempt="Creates a Pod that requests 900 TiB of ephemeral storage.",
    expect="403 from quota (`exceeded quota`).",
    remedy="Write the ResourceQuota again (`manor apply`).",
    run=refused(
        {
            "requests": create(
                pod(
                    container(
                        resources={
                            "requests": {
                                "cpu": "10m",
                                "memory": "16Mi",
                                **{"ephemeral-storage": "900Ti"},
                            },
                            "limits": {"memory": "64Mi", **{"ephemeral-storage": "900Ti"}},
                        }
                    )
                )
            ),
        },
        by=QUOTA,
        control=create(pod()),
    ),
)
