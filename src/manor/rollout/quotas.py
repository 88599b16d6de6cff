"""Waits until the quotas count what is to be made.

A ResourceQuota refuses a kind that its controller does not count yet. The controller looks for new
kinds every 30 s and counts them at its next full resync (every 5 minutes by default), so that this
is felt just after CRDs were installed.
"""

import operator
import time
from collections.abc import Sequence

from manor.apply import Pending, Waiting
from manor.kube import ApiError, Client
from manor.limits import limits
from manor.objectset.references import ref_of
from manor.polling import poll_until
from manor.rollout.progress import Progress
from manor.rollout.sets import ObjectSet


async def _counted(client: Client, stage: Sequence[ObjectSet]) -> set[str]:
    """The names under which a quota counts the kinds of the stage's workloads."""
    names = set()
    for part in stage:
        for obj in [*part.objects, *([part.parent] if part.parent else [])]:
            resource = await client.resource(obj["apiVersion"], obj["kind"])
            names.add(f"count/{resource.plural}" + (f".{resource.group}" if resource.group else ""))
    return names


async def wait_counted(
    client: Client, stage: Sequence[ObjectSet], progress: Progress
) -> dict[str, str]:
    """Return once the quotas of the namespaces that workloads of the stage live in count their
    kinds.

    Of namespaces where they do not in time, or cannot be asked: the reason.
    """
    parents = [part.parent["metadata"].get("namespace") for part in stage if part.parent]
    namespaces = sorted({namespace for namespace in parents if namespace})
    if not namespaces:
        return {}
    wanted = await _counted(client, stage)
    began, reasons, bounds = time.monotonic(), dict[str, str](), limits().rollout

    async def look() -> list[Pending]:
        nonlocal namespaces
        pending = []
        for namespace in namespaces:
            try:
                pending += await _uncounted(client, namespace, wanted)
            except ApiError as error:
                reasons[namespace] = error.message
        namespaces = sorted({late.ref.namespace for late in pending})
        progress(Waiting(tuple(pending), time.monotonic() - began))
        return pending

    late = await poll_until(
        operator.not_, look, timeout=bounds.counted, interval=bounds.counted_poll
    )
    return reasons | {
        p.ref.namespace: f"not counted after {bounds.counted:g} s: {p.ref} {p.reason}" for p in late
    }


async def _uncounted(client: Client, namespace: str, wanted: set[str]) -> list[Pending]:
    pending = []
    for quota in await client.list("v1", "ResourceQuota", namespace):
        used = quota.get("status", {}).get("used", {})
        missing = sorted(quota["spec"].get("hard", {}).keys() & wanted - used.keys())
        if missing:
            pending.append(
                Pending(ref_of(quota), f"does not count {missing[0].removeprefix('count/')} yet")
            )
    return pending
