"""No tenant takes more CPU than its quota."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import QUOTA
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-QUOTA-001",
    title="Ask for more CPU than the quota has",
    guarantee="No tenant takes more CPU than its quota.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "MTB-PL1-CC-FNS-1: Configure namespace resource quotas",
        "NSA/CISA: Resource policies",
    ),
    attempt="Creates a Pod that requests 100,000 cores.",
    expect="403 from quota (`exceeded quota`).",
    remedy="Write the ResourceQuota again (`manor apply`).",
    run=refused(
        {
            "cores": create(
                pod(
                    container(
                        resources={
                            "requests": {"cpu": "10m", "memory": "16Mi", **{"cpu": "100k"}},
                            "limits": {"memory": "64Mi", **{}},
                        }
                    )
                )
            ),
        },
        by=QUOTA,
        control=create(pod()),
    ),
)
