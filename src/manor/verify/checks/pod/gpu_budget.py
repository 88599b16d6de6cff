"""Accelerators are for tenants with a GPU budget, and only through what the budget counts."""

from collections.abc import Mapping

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.ground import Ground
from manor.verify.mechanisms import policy
from manor.verify.objects import accelerators, container, pod
from manor.verify.requests import Request, create


async def _attacks(ground: Ground) -> Mapping[str, Request]:
    unbudgeted = container(resources=accelerators("example.com/manor-verify"))
    devices = {"name": "v", "mountPath": "/var/run/nvidia-container-devices/all"}
    return {
        "an extended resource that nobody budgeted": create(pod(unbudgeted, meta=ground.queued)),
        "every GPU by NVIDIA_VISIBLE_DEVICES": create(
            pod(container(env=[{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]))
        ),
        "every GPU by a volume mount": create(
            pod(container(volumeMounts=[devices]), volumes=[{"name": "v", "emptyDir": {}}])
        ),
    }


CHECK = Check(
    id="MNR-POD-034",
    title="Take GPUs without a budget",
    guarantee="Accelerators are for tenants with a GPU budget, and only through what the budget counts.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Kubernetes: Multi-tenancy, quotas",
        "KEP-4381",
        "NVIDIA container toolkit: unprivileged access",
    ),
    attempt=(
        "Creates Pods that ask for an accelerator outside the budget, and for every GPU of the node by the "
        "side doors of the NVIDIA runtime."
    ),
    expect="Refused by the policy manor-gpu.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        _attacks,
        by=policy("gpu"),
        control=create(pod()),
    ),
)
