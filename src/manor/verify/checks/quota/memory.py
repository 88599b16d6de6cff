"""No tenant takes more memory than its quota, by request or by limit."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import QUOTA
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-QUOTA-002",
    title="Ask for more memory than the quota has",
    guarantee="No tenant takes more memory than its quota, by request or by limit.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "MTB-PL1-CC-FNS-1: Configure namespace resource quotas",
        "NSA/CISA: Resource policies",
    ),
    attempt="Creates Pods that request, or are limited by, 900 TiB.",
    expect="403 from quota (`exceeded quota`).",
    remedy="Write the ResourceQuota again (`manor apply`).",
    run=refused(
        {
            "requests and limits": create(
                pod(
                    container(
                        resources={
                            "requests": {"cpu": "10m", "memory": "16Mi", **{"memory": "900Ti"}},
                            "limits": {"memory": "64Mi", **{"memory": "900Ti"}},
                        }
                    )
                )
            ),
            "limits alone": create(
                pod(
                    container(
                        resources={
                            "requests": {"cpu": "10m", "memory": "16Mi", **{}},
                            "limits": {"memory": "64Mi", **{"memory": "900Ti"}},
                        }
                    )
                )
            ),
        },
        by=QUOTA,
        control=create(pod()),
    ),
)
