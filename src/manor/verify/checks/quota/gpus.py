"""No tenant takes GPUs that it was not given."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import QUOTA, any_of, policy
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-QUOTA-004",
    title="Ask for more GPUs than the quota has",
    guarantee="No tenant takes GPUs that it was not given.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "MTB-PL1-CC-FNS-1: Configure namespace resource quotas",
        "Kubernetes: Multi-tenancy, quotas",
    ),
    attempt="Creates a Pod that asks for 9999 GPUs.",
    expect="403 from quota, or refused by the policy manor-gpu where the tenant has none.",
    remedy="Write the ResourceQuota again (`manor apply`).",
    run=refused(
        {
            "a GPU too many": create(
                pod(
                    container(
                        resources={
                            "requests": {"cpu": "10m", "memory": "16Mi", **{"nvidia.com/gpu": "9999"}},
                            "limits": {"memory": "64Mi", **{"nvidia.com/gpu": "9999"}},
                        }
                    )
                )
            ),
        },
        by=any_of(QUOTA, policy("gpu")),
        control=create(pod()),
    ),
)
