"""Waits until the quotas count what is to be made.

A ResourceQuota refuses a kind that its controller does not count yet. The controller looks for new kinds every 30 s and
counts them at its next full resync (every 5 minutes by default), so that this is felt just after CRDs were installed.
"""

import asyncio
import time
from collections.abc import Sequence

from manor.apply import NotReady, Pending, Waiting
from manor.apply.objects import ref_of
from manor.apply.progress import Progress
from manor.cli.rollout import ObjectSet
from manor.kube import Client

TIMEOUT = 360.0
"""Seconds: one full resync of the quota controller, and its look for new kinds."""


async def _counted(client: Client, stage: Sequence[ObjectSet]) -> set[str]:
    """The names under which a quota counts the kinds of the stage's workloads."""
    names = set()
    for part in stage:
        for obj in [*part.objects, *([part.parent] if part.parent else [])]:
            resource = await client.resource(obj["apiVersion"], obj["kind"])
            names.add(f"count/{resource.plural}" + (f".{resource.group}" if resource.group else ""))
    return names


async def wait_counted(client: Client, stage: Sequence[ObjectSet], progress: Progress) -> None:
    """Return once the quotas of the namespaces that workloads of the stage live in count their kinds.

    NotReady if they do not within `TIMEOUT` seconds.
    """
    parents = [part.parent["metadata"].get("namespace") for part in stage if part.parent]
    namespaces = sorted({namespace for namespace in parents if namespace})
    if not namespaces:
        return
    wanted = await _counted(client, stage)
    began = time.monotonic()
    while True:
        pending = []
        for namespace in namespaces:
            for quota in await client.list("v1", "ResourceQuota", namespace):
                used = quota.get("status", {}).get("used", {})
                missing = sorted(quota["spec"].get("hard", {}).keys() & wanted - used.keys())
                if missing:
                    pending.append(Pending(ref_of(quota), f"does not count {missing[0].removeprefix('count/')} yet"))
        elapsed = time.monotonic() - began
        progress(Waiting(tuple(pending), elapsed))
        if not pending:
            return
        if elapsed > TIMEOUT:
            raise NotReady(f"not counted after {TIMEOUT:g} s:", pending)
        await asyncio.sleep(1)
