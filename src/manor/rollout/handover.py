"""Where an operator works, it alone writes what teams' specs become: they are stored, and what it
says of them is waited for.

The Platform and its Tools stay with whoever applies them: an operator may not write guardrails.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from manor import log
from manor.api import API_VERSION, kinds
from manor.api.status import UNMADE, ConditionType, Reason, Status
from manor.api.wellknown import GROUP
from manor.apply import (
    Action,
    Finished,
    NotReady,
    Options,
    Pending,
    Phase,
    Ref,
    Result,
    Step,
    Waiting,
    store,
)
from manor.kube import Client, DirectReader, Object
from manor.limits import limits
from manor.objectset.references import ref_of
from manor.objectset.refusals import is_uncounted
from manor.polling import poll_until
from manor.rollout.outcome import SetOutcome, outcome_of
from manor.rollout.progress import Progress, SetLeftOut, SetsStarted
from manor.rollout.sets import ObjectSet, each_set
from manor.state import is_operated

_COMMON = frozenset({kinds.PLATFORM.kind, kinds.TOOL.kind})
_KEPT = frozenset(info.kind for info in (kinds.TENANT, *kinds.WORKLOADS))

_SILENT = "the operator has not looked at it yet"


async def takes_over(client: Client, stage: Sequence[ObjectSet], options: Options) -> bool:
    """Whether an operator is to make these sets. What it takes a person's consent to, it does
    not."""
    consents = options.adopt or options.delete_data or options.delete_namespaces
    return not consents and stage[0].ref.kind in _KEPT and await is_operated(client)


async def hand_over(
    client: Client,
    stage: Sequence[ObjectSet],
    failed: Mapping[Ref, ObjectSet],
    options: Options,
    progress: Progress,
) -> list[SetOutcome]:
    """Store the specs of a stage, and wait until the operator has made them; `failed` are the sets
    of the stages before. The object of each set is its spec then."""
    parts = [replace(part, objects=[part.parent], canary=None) for part in stage if part.parent]
    progress(SetsStarted(Phase.APPLY, tuple(parts)))

    async def attempt(part: ObjectSet) -> SetOutcome:
        with log.bound(tenant=part.tenant):
            if part.needs and part.needs in failed:
                progress(SetLeftOut(part, failed[part.needs]))
                return SetOutcome(part, attempted=False)
            return await outcome_of(part, _made(client, part, options, progress), progress)

    return await each_set(parts, attempt)


async def _made(client: Client, part: ObjectSet, options: Options, progress: Progress) -> Result:
    step, live = await _stored(client, part.ref, part.objects[0], options, progress)
    if live is not None and (why := await refusal(client, live, progress)):
        step = Step(part.ref, Action.FAIL, why)
    progress(Finished(step))
    return Result((step,))


async def _stored(
    client: Client, ref: Ref, wanted: Object, options: Options, progress: Progress
) -> tuple[Step, Object | None]:
    """As `store`, once the quota of its namespace counts its kind."""
    before = await DirectReader(client).find(
        wanted["apiVersion"], ref.kind, ref.name, ref.namespace
    )
    began, bounds = time.monotonic(), limits().rollout

    async def attempt() -> tuple[Step, Object | None]:
        step, live = await store(client, wanted, before, options)
        if is_uncounted(step.message):
            progress(Waiting((Pending(ref, step.message),), time.monotonic() - began))
        return step, live

    return await poll_until(
        lambda answer: not is_uncounted(answer[0].message),
        attempt,
        timeout=bounds.counted,
        interval=bounds.counted_poll,
    )


async def refusal(client: Client, stored: Object, progress: Progress) -> str:
    """Why the operator does not make what was stored; empty once it has."""
    ref, began, said = ref_of(stored), time.monotonic(), ""

    async def look() -> tuple[bool, str]:
        """Whether it has answered, and what is in the way."""
        nonlocal said
        meta, before = stored["metadata"], said
        live = await client.get(
            stored["apiVersion"], stored["kind"], meta["name"], meta.get("namespace")
        )
        status = Status.model_validate(live.get("status") or {})
        ready, stalled = map(status.condition, (ConditionType.READY, ConditionType.STALLED))
        if ready is None or status.observed_generation != live["metadata"]["generation"]:
            said = _SILENT
        elif ready.reason not in UNMADE:
            return True, ""
        else:
            said = ready.message or ready.reason
        # What it said first may be of before it heard of a Platform just applied.
        if lasts := said == before:
            progress(Waiting((Pending(ref, said),), time.monotonic() - began))
        return lasts and stalled is not None and stalled.status == "True", said

    bounds, pauses = limits().rollout, limits().apply
    _, why = await poll_until(
        lambda answer: answer[0],
        look,
        timeout=bounds.made,
        interval=pauses.ready_poll,
        longest=pauses.ready_poll_longest,
    )
    return why


async def wait_followed(
    client: Client, sets: Sequence[SetOutcome], timeout: float, progress: Progress
) -> None:
    """Where an operator works, wait until the tenants follow the Platform and the Tools that were
    applied. NotReady says how many do, and which tenant is waited for."""
    applied = {one.part.ref for one in sets if one.ok and one.part.ref.kind in _COMMON}
    if not applied or not await is_operated(client):
        return
    began, platform = time.monotonic(), Ref(GROUP, kinds.PLATFORM.kind, "", "manor")
    heard = [*sorted(applied - {platform}), platform]

    async def look() -> tuple[bool, str]:
        """Whether it has ended, or goes no further, and what is in the way."""
        for ref in heard:
            live = await client.get(API_VERSION, ref.kind, ref.name)
            status = Status.model_validate(live.get("status") or {})
            if status.observed_generation != live["metadata"]["generation"]:
                return waits(_SILENT, ref)
        rolling = status.condition(ConditionType.ROLLING_OUT)
        if rolling is None or rolling.observed_generation != status.observed_generation:
            return waits(_SILENT, platform)
        if rolling.status != "True":
            return True, ""
        if rolling.reason == Reason.STOPPED:
            return True, rolling.message
        return waits(rolling.message, platform)

    def waits(said: str, ref: Ref) -> tuple[bool, str]:
        progress(Waiting((Pending(ref, said),), time.monotonic() - began))
        return False, said

    pauses = limits().apply
    ended, why = await poll_until(
        lambda answer: answer[0],
        look,
        timeout=timeout,
        interval=pauses.ready_poll,
        longest=pauses.ready_poll_longest,
    )
    if why:
        what = "the roll-out has stopped:" if ended else f"not rolled out after {timeout:g} s:"
        raise NotReady(what, [Pending(platform, why)])
