"""What a pod may use counts, not only what it requests."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import QUOTA
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-QUOTA-006",
    title="Use memory beyond the request",
    guarantee="What a pod may use counts, not only what it requests.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "MTB-PL1-CC-FNS-1: Configure namespace resource quotas",
        "Kubernetes: Resource quotas",
    ),
    attempt="Creates a Pod that states a limit and no request.",
    expect="403 from quota (`exceeded quota`).",
    remedy="Write the ResourceQuota again (`manor apply`).",
    run=refused(
        {
            "a limit without a request": create(
                pod(container(resources={"limits": {"memory": "900Ti"}}))
            ),
        },
        by=QUOTA,
        control=create(pod()),
    ),
)
