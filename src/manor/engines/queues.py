"""The systems in whose queues workloads wait, and the label by which each knows what waits."""

from collections.abc import Callable
from dataclasses import dataclass

from manor.api import Platform, Tenant
from manor.api.wellknown import KUEUE_GROUP, QUEUE_LABEL
from manor.engines import kueue
from manor.engines.protocol import GroupKind, Unsupported
from manor.render.objects import Object
from manor.tools import Toolset


@dataclass(frozen=True)
class QueueSystem:
    """A queue system: the label that names a queue (none where nothing waits), and kinds that are
    served where it is installed."""

    label: str = ""
    requires: frozenset[GroupKind] = frozenset()
    made: frozenset[GroupKind] = frozenset()
    """What it makes for a tenant."""
    platform_objects: Callable[[Platform], list[Object]] = lambda _platform: []
    """What it needs once."""
    tenant_objects: Callable[[Platform, Tenant], list[Object]] = lambda _platform, _tenant: []
    """What it needs for a tenant."""


QUEUE_SYSTEMS = {
    "none": QueueSystem(),
    "kueue": QueueSystem(
        QUEUE_LABEL,
        frozenset({(KUEUE_GROUP, "LocalQueue")}),
        frozenset({(KUEUE_GROUP, "ClusterQueue"), (KUEUE_GROUP, "LocalQueue")}),
        platform_objects=kueue.platform_objects,
        tenant_objects=kueue.tenant_objects,
    ),
}
"""Every queue system, by the name that the Platform has for it."""


def queue_system(platform: Platform) -> QueueSystem:
    """The queue system that the Platform names. Unsupported where there is none of that name."""
    name = platform.spec.engines.queue
    if name in QUEUE_SYSTEMS:
        return QUEUE_SYSTEMS[name]
    message = f"there is no queue system {name!r}; one of: {', '.join(QUEUE_SYSTEMS)}"
    raise Unsupported(("spec", "engines", "queue"), message)


def queue_kinds(platform: Platform, tools: Toolset) -> frozenset[GroupKind]:
    """The kinds of `queue_objects` of tenants."""
    on = platform.spec.engines.queue in tools.names
    return queue_system(platform).made if on else frozenset()


def queue_objects(platform: Platform, tools: Toolset, tenant: Tenant | None = None) -> list[Object]:
    """The queues of a tenant, or what all of them need, where the queue system is one of the Tools
    that are on.

    Where it is installed and no Tool, its queues are an administrator's to make.
    """
    used = tools if tenant is None else tools.of(tenant)
    if platform.spec.engines.queue not in used.names:
        return []
    system = queue_system(platform)
    return (
        system.platform_objects(platform)
        if tenant is None
        else system.tenant_objects(platform, tenant)
    )


def queue_labels(
    platform: Platform, tenant: Tenant, *, gpu: int, queue: str | None = None
) -> dict[str, str]:
    """The label of what waits in `queue`, or, where it holds GPUs, in the tenant's first one; empty
    otherwise."""
    label = queue_system(platform).label
    if not label or not (queue or gpu):
        return {}
    return {label: queue or tenant.spec.queues[0]}
