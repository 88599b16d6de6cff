"""Waits until what was applied is ready, and says what is not, and why."""

import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from manor.apply.concurrency import concurrently
from manor.apply.errors import NotReady
from manor.apply.progress import Pending, Phase, Progress, Started, Waiting, logged, silent
from manor.kube import ApiError, Client, NotFound, Object
from manor.limits import limits
from manor.objectset.kinds import JOB, PERSISTENT_VOLUME_CLAIM, kind_of
from manor.objectset.readiness import READY, Readiness, has_readiness, readiness
from manor.objectset.references import Ref, ref_of
from manor.polling import poll_until

Explain = Callable[[Client, Object], Coroutine[Any, Any, str]]
"""Says in words why an object is no further; nothing where that cannot be seen."""


async def wait(
    client: Client,
    objects: Sequence[Object],
    *,
    timeout: float | None = None,
    jobs: bool = False,
    progress: Progress = silent,
    explain: Explain | None = None,
) -> None:
    """Returns when all `objects` are ready; with `jobs`, when their Jobs are complete too.

    A volume claim that waits for its first consumer counts as ready. Raises NotReady after
    `timeout` seconds, and as soon as nothing is left that could still become ready; `explain` says
    why, and the last event where there is none.
    """
    pending = {ref_of(obj): obj for obj in objects if has_readiness(kind_of(obj))}
    progress = logged(progress)
    progress(Started(Phase.WAIT, len(pending)))
    began, told, bounds = time.monotonic(), None, limits().apply
    timeout = bounds.ready if timeout is None else timeout
    claims = any(ref.group_kind == PERSISTENT_VOLUME_CLAIM for ref in pending)
    lazy = await _lazy_classes(client) if claims else frozenset()

    async def look() -> dict[Ref, Readiness]:
        nonlocal pending, told
        states = await concurrently(_state(client, obj, jobs, lazy) for obj in pending.values())
        waiting = {
            ref: state for ref, state in zip(pending, states, strict=True) if not state.ready
        }
        pending = {ref: pending[ref] for ref in waiting}
        if (report := _report(waiting)) != told:
            told = report
            progress(Waiting(report, time.monotonic() - began))
        return waiting

    pauses = {"interval": bounds.ready_poll, "longest": bounds.ready_poll_longest}
    left = await poll_until(_is_settled, look, timeout=timeout, **pauses)
    if left:
        what = (
            "these cannot become ready:" if _is_settled(left) else f"not ready after {timeout:g} s:"
        )
        raise NotReady(what, await _explained(client, pending, _report(left), explain))


def _is_settled(waiting: Mapping[Ref, Readiness]) -> bool:
    """Whether nothing is left that could still become ready."""
    return all(state.final for state in waiting.values())


def _report(waiting: Mapping[Ref, Readiness]) -> tuple[Pending, ...]:
    return tuple(Pending(ref, state.reason) for ref, state in waiting.items())


async def _state(client: Client, obj: Object, jobs: bool, lazy: frozenset[str]) -> Readiness:
    ref = ref_of(obj)
    try:
        live = await client.get(obj["apiVersion"], obj["kind"], ref.name, ref.namespace or None)
    except NotFound:
        return Readiness(False, "does not exist")
    if _waits_for_consumer(live, lazy):
        return READY
    return readiness(live, jobs=jobs)


def _waits_for_consumer(obj: Object, lazy: frozenset[str]) -> bool:
    return (
        kind_of(obj) == PERSISTENT_VOLUME_CLAIM
        and obj["spec"].get("storageClassName") in lazy
        and (obj.get("status") or {}).get("phase") == "Pending"
    )


async def _lazy_classes(client: Client) -> frozenset[str]:
    """The storage classes that bind a claim when its first consumer comes."""
    classes = await client.list("storage.k8s.io/v1", "StorageClass")
    return frozenset(
        c["metadata"]["name"]
        for c in classes
        if c.get("volumeBindingMode") == "WaitForFirstConsumer"
    )


async def _explained(
    client: Client,
    objects: dict[Ref, Object],
    pending: Sequence[Pending],
    explain: Explain | None,
) -> list[Pending]:
    explain = explain or last_event
    words = await concurrently(explain(client, objects[p.ref]) for p in pending)
    return [
        Pending(p.ref, f"{p.reason}; {why}" if why and why not in p.reason else p.reason)
        for p, why in zip(pending, words, strict=True)
    ]


async def last_event(client: Client, obj: Object) -> str:
    """The last word of the events on `obj` and on its pods."""
    ref = ref_of(obj)
    if not ref.namespace:
        return ""
    try:
        pods = await _pods(client, obj)
        names = {ref.name, *(pod["metadata"]["name"] for pod in pods)}
        events = await client.list("v1", "Event", ref.namespace)
    except ApiError:  # no permission to look; what is known is told all the same
        return ""
    ours = [event for event in events if event["involvedObject"].get("name") in names]
    ours.sort(key=lambda event: (event.get("type") == "Warning", event.get("lastTimestamp") or ""))
    return f"last event: {ours[-1].get('reason')}: {ours[-1].get('message')}" if ours else ""


async def _pods(client: Client, obj: Object) -> list[Object]:
    labels = ((obj.get("spec") or {}).get("selector") or {}).get("matchLabels")
    if kind_of(obj) == JOB:
        labels = {"batch.kubernetes.io/job-name": obj["metadata"]["name"]}
    return await client.list("v1", "Pod", obj["metadata"]["namespace"], labels) if labels else []
