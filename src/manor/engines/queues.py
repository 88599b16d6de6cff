"""The queue that a workload waits in, as the label that Kueue reads."""

from manor.api import Platform, Tenant
from manor.api.wellknown import QUEUE_LABEL


def queue_labels(platform: Platform, tenant: Tenant, *, gpu: int, queue: str | None = None) -> dict[str, str]:
    """The label of what waits in `queue`, or, where it holds GPUs, in the tenant's first one; empty otherwise."""
    if platform.spec.engines.queue == "none" or not (queue or gpu):
        return {}
    return {QUEUE_LABEL: queue or tenant.spec.queues[0]}
