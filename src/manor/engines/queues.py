"""The systems in whose queues workloads wait, and the label by which each knows what waits."""

from dataclasses import dataclass

from manor.api import Platform, Tenant
from manor.api.wellknown import QUEUE_LABEL
from manor.engines.protocol import GroupKind, Unsupported


@dataclass(frozen=True)
class QueueSystem:
    """A queue system: the label that names a queue (none where nothing waits), and kinds that are served where it is
    installed."""

    label: str = ""
    requires: frozenset[GroupKind] = frozenset()


QUEUE_SYSTEMS = {
    "none": QueueSystem(),
    "kueue": QueueSystem(QUEUE_LABEL, frozenset({("kueue.x-k8s.io", "LocalQueue")})),
}
"""Every queue system, by the name that the Platform has for it."""


def queue_system(platform: Platform) -> QueueSystem:
    """The queue system that the Platform names. Unsupported where there is none of that name."""
    name = platform.spec.engines.queue
    if name in QUEUE_SYSTEMS:
        return QUEUE_SYSTEMS[name]
    message = f"there is no queue system {name!r}; one of: {', '.join(QUEUE_SYSTEMS)}"
    raise Unsupported(("spec", "engines", "queue"), message)


def queue_labels(platform: Platform, tenant: Tenant, *, gpu: int, queue: str | None = None) -> dict[str, str]:
    """The label of what waits in `queue`, or, where it holds GPUs, in the tenant's first one; empty otherwise."""
    label = queue_system(platform).label
    if not label or not (queue or gpu):
        return {}
    return {label: queue or tenant.spec.queues[0]}
