"""Accelerators are for tenants with a GPU budget, and only through what the budget counts."""

from collections.abc import Mapping

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import policy
from manor.verify.objects import accelerators, container, pod
from manor.verify.requests import Request, create

RUNTIME_ENV = ("NVIDIA_VISIBLE_DEVICES", "AMD_VISIBLE_DEVICES", "ANY_VENDORS_VISIBLE_CARDS")


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    unbudgeted = container(resources=accelerators("example.com/manor-verify"))
    platform = context.tenancy.platform
    allowed = platform.spec.gpu.env if platform else []
    devices = {"name": "v", "mountPath": "/var/run/nvidia-container-devices/all"}
    return {
        "an extended resource that nobody budgeted": create(pod(unbudgeted, meta=context.queued)),
        "huge pages of a size that nobody budgeted": create(
            pod(container(resources=accelerators("hugepages-16Mi", 2**24)), meta=context.queued)
        ),
        **{
            f"every device by {name}": create(pod(container(env=[{"name": name, "value": "all"}])))
            for name in RUNTIME_ENV
            if name not in allowed
        },
        "every GPU by a volume mount": create(
            pod(container(volumeMounts=[devices]), volumes=[{"name": "v", "emptyDir": {}}])
        ),
    }


CHECK = Check(
    id="MNR-POD-034",
    title="Take GPUs without a budget",
    guarantee=(
        "Accelerators are for tenants with a GPU budget, and only through what the budget counts."
    ),
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Kubernetes: Multi-tenancy, quotas",
        "KEP-4381",
        "NVIDIA container toolkit: unprivileged access",
    ),
    attempt=(
        "Creates Pods that ask for an accelerator and for huge pages outside the budget, and for "
        "every device of the "
        "node by the variables and mounts that container runtimes give them out by."
    ),
    expect="Refused by the policy manor-gpu.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        _attacks,
        by=policy("gpu"),
        control=create(pod()),
    ),
)
