"""Applies sets stage after stage, each failure by itself, and waits until what was applied is
ready."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from manor import log
from manor.api import kinds
from manor.apply import (
    Action,
    Finished,
    NotReady,
    Options,
    Pending,
    Phase,
    Plan,
    Ref,
    Refused,
    Result,
    Step,
    apply,
    plan,
    revoke,
    wait,
)
from manor.apply.steps import BAD
from manor.kube import Client, DirectReader, Reader, SharedReader
from manor.rollout.begun import as_begun
from manor.rollout.budgets import lower_quotas
from manor.rollout.canaries import as_it_answers, ease_shares
from manor.rollout.diagnosis import in_words
from manor.rollout.handover import hand_over, takes_over, wait_followed
from manor.rollout.outcome import Outcome, SetOutcome, outcome_of
from manor.rollout.prerequisites import require_kinds
from manor.rollout.progress import Progress, SetLeftOut, SetsStarted, SetUncounted, logged, silent
from manor.rollout.quotas import wait_counted
from manor.rollout.sets import ObjectSet, Stages, each_set
from manor.state import is_operated

MANY = 16
"""Sets from which on they share their reads: lists of whole kinds, read once, in place of a few
requests for each."""


async def roll_out(
    client: Client, stages: Stages, options: Options, progress: Progress = silent
) -> Outcome:
    """Apply all sets, stage after stage. What goes wrong with one set stops what stands on it, and
    no other.

    Where an operator works, teams' specs are handed over to it. Where none does, from a set that
    cannot be applied the rights are taken away all the same that nobody is to have any more.
    Raises InvalidObjects, before anything is changed, where the server lacks a kind; Unreachable.
    """
    outcome, progress = Outcome(), logged(progress)
    await require_kinds(client, stages)
    for stage in stages:
        over = await takes_over(client, stage, options)
        run = hand_over if over else _apply_stage
        outcome.sets += await run(client, stage, outcome.failed, options, progress)
    return outcome


async def _apply_stage(
    client: Client,
    stage: Sequence[ObjectSet],
    failed: Mapping[Ref, ObjectSet],
    options: Options,
    progress: Progress,
) -> list[SetOutcome]:
    """Apply the sets of one stage; `failed` are those of the stages before."""
    uncounted = await wait_counted(client, stage, progress)
    progress(SetsStarted(Phase.APPLY, tuple(stage)))
    reader = reader_for(client, stage)

    async def attempt(part: ObjectSet) -> SetOutcome:
        with log.bound(tenant=part.tenant):
            if part.inventory.namespace in uncounted:
                progress(SetUncounted(part, uncounted[part.inventory.namespace]))
            elif part.needs and part.needs in failed:
                progress(SetLeftOut(part, failed[part.needs]))
            else:
                return await outcome_of(
                    part, _apply_or_refuse(client, part, options, progress, reader), progress
                )
            revoking = revoke(client, part.objects, part.inventory, progress, reader)
            return await outcome_of(part, revoking, progress, attempted=False)

    return await each_set(stage, attempt)


async def _apply_or_refuse(
    client: Client, part: ObjectSet, options: Options, progress: Progress, reader: Reader
) -> Result:
    if part.operated and not await is_operated(client):
        message = f"{part.operated} takes an operator, and none works here: `manor install`"
        step = Step(part.ref, Action.FAIL, message)
        progress(Finished(step))
        return Result((step,))
    try:
        return await apply_set(client, part, options, progress, reader)
    except Refused as refused:
        return Result(refused.steps)


async def preview(
    client: Client, stages: Stages, options: Options, progress: Progress = silent
) -> Outcome:
    """What `roll_out` would do: the steps are those of plans. Writes nothing."""
    done: list[SetOutcome] = []
    for stage in stages:
        reader = reader_for(client, stage)

        async def attempt(part: ObjectSet, reader: Reader = reader) -> SetOutcome:
            return await outcome_of(part, plan_set(client, part, options, reader), progress)

        done += await each_set(stage, attempt)
    return Outcome(done)


async def apply_set(
    client: Client,
    part: ObjectSet,
    options: Options,
    progress: Progress = silent,
    reader: Reader | None = None,
) -> Result:
    """Apply one set, its parent first; `reader` finds what is there, where it shares its reads with
    other sets."""
    reader = reader or DirectReader(client)
    part = await as_it_answers(await as_begun(part, reader), reader, progress)
    await ease_shares(client, part, reader)
    lowered = await lower_quotas(client, part, reader)
    done = await apply(client, part.objects, part.inventory, options, progress, part.parent, reader)
    return Result(tuple(_as_lowered(step) if step.ref in lowered else step for step in done))


def _as_lowered(step: Step) -> Step:
    """The step of a quota that was written before, and so seems unchanged."""
    return replace(step, action=Action.UPDATE) if step.action is Action.UNCHANGED else step


async def plan_set(
    client: Client, part: ObjectSet, options: Options, reader: Reader | None = None
) -> Plan:
    """What applying one set would do."""
    finds = reader or DirectReader(client)
    part = await as_it_answers(await as_begun(part, finds), finds)
    return await plan(client, part.objects, part.inventory, options, part.parent, reader)


def reader_for(client: Client, parts: Sequence[ObjectSet]) -> Reader:
    """What finds the live objects of these sets: where they are many, lists that all of
    them share."""
    if len(parts) < MANY:
        return DirectReader(client)
    each = ({obj["metadata"].get("namespace", "") for obj in part.objects} for part in parts)
    places = Counter(place for spaces in each for place in spaces)
    return SharedReader(client, frozenset(place for place, sets in places.items() if sets > 1))


async def wait_ready(
    client: Client,
    sets: Iterable[SetOutcome],
    timeout: float,
    progress: Progress = silent,
    *,
    jobs: bool = False,
) -> None:
    """Wait until all that was applied as wanted is ready, tenants that follow a Platform too; with
    `jobs` until Jobs are complete. A canary gets its share then. NotReady says what is not, and
    why."""
    sets = list(sets)
    await wait_followed(client, sets, timeout, progress)
    # A notebook may wait in a queue, and ends when nobody uses it: nobody waits for either here.
    waited = [one for one in sets if one.ok and one.part.ref.kind != kinds.WORKSPACE.kind]
    objects = [obj for one in waited for obj in one.part.objects]
    await wait(client, objects, timeout=timeout, jobs=jobs, progress=progress, explain=in_words)
    for part in (one.part for one in waited if one.part.canary):
        given = await apply_set(client, part, Options(), progress)
        if bad := given.having(*BAD):
            why = [Pending(step.ref, step.message or step.action) for step in bad]
            raise NotReady(f"the canary of {part.title} has no share:", why)
