"""What a tenant's status says of its budget."""

from collections.abc import Mapping
from fractions import Fraction

from manor.api import Platform
from manor.api.quantity import parse
from manor.api.status import QuotaStatus
from manor.render.quota import quota_key


def quota_status(budget: Mapping[str, tuple[str, str]], platform: Platform) -> QuotaStatus:
    """What a tenant's status says of its budget: the resources that its spec gives amounts of, and
    no counts of objects, which change with everything that anybody makes."""
    gpu = platform.spec.gpu
    keys = {name: quota_key(name) for name in gpu.resource_names}
    told = ["requests.cpu", "requests.memory", "requests.storage", "pods", *keys.values()]
    kept = {resource: budget[resource] for resource in told if resource in budget}
    used, hard = ({name: pair[side] for name, pair in kept.items()} for side in (0, 1))

    def gpus(amounts: Mapping[str, str]) -> Fraction:
        return gpu.gpus_in({name: int(parse(amounts.get(key, "0"))) for name, key in keys.items()})

    shown = {
        field: f"{used[resource]}/{hard[resource]}"
        for field, resource in (
            ("cpu", "requests.cpu"),
            ("memory", "requests.memory"),
            ("storage", "requests.storage"),
        )
        if resource in kept
    }
    if most := gpus(hard):
        shown["gpus"] = f"{_number(gpus(used))}/{_number(most)}"
    return QuotaStatus(used=used, hard=hard, **shown)


def _number(amount: Fraction) -> str:
    return str(amount) if amount.denominator == 1 else f"{float(amount):.1f}"
