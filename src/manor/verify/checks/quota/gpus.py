"""No tenant takes GPUs that it was not given."""

from collections.abc import Mapping

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import QUOTA, any_of, policy
from manor.verify.objects import accelerators, container, pod
from manor.verify.requests import Request, create


async def _attack(context: AttackContext) -> Mapping[str, Request]:
    greedy = container(resources=accelerators(context.gpu, 9999))
    return {"a GPU too many": create(pod(greedy, meta=context.queued))}


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
        _attack,
        by=any_of(QUOTA, policy("gpu")),
        control=create(pod()),
    ),
)
