"""Rights that nobody is to have any more are taken away before all else, whatever becomes of the
rest of the run.

Nothing that people can hold up stands before it: no object that is refused or fails, no parent that
cannot be stored, and not the guards that must stand before somebody is let in. What a binding gains
waits for these as ever.
"""

from dataclasses import replace

from manor.apply.concurrency import concurrently
from manor.apply.members import Member
from manor.apply.options import Options
from manor.apply.preview import put
from manor.apply.progress import Finished, Progress
from manor.apply.prune import delete_object
from manor.apply.reasons import Reason
from manor.apply.steps import BAD, Action, Step, failure_step
from manor.apply.survey import Survey
from manor.kube import ApiError, Client, Object, Reader
from manor.objectset.kinds import kind_of
from manor.objectset.order import is_binding
from manor.objectset.references import ref_of


async def take_away(
    client: Client, reader: Reader, found: Survey, options: Options, progress: Progress
) -> tuple[list[Step], Survey]:
    """Takes from the bindings there are whoever is not to be bound, and deletes those that are not
    wanted.

    The steps, and the survey as it is then.
    """

    def report(step: Step) -> None:
        progress(Finished(step))

    unowned = {step.ref for step in found.unowned(adopt=options.adopt)}
    losing = [
        member
        for member in found.members
        if member.ref not in unowned and _lost(member, found.live.get(member.ref))
    ]
    unwanted = [obj for obj in found.orphans if options.prune and is_binding(kind_of(obj))]
    narrowed = await concurrently(
        _narrow(client, reader, member, found.live[member.ref]) for member in losing
    )
    for step in narrowed:
        report(step)
    deleted = await concurrently(delete_object(client, obj, report) for obj in unwanted)
    gone = {step.ref for step in deleted if step.action is Action.PRUNE}
    return [*narrowed, *deleted], replace(
        found,
        live=found.live | {step.ref: step.after for step in narrowed if step.after},
        orphans=tuple(obj for obj in found.orphans if ref_of(obj) not in gone),
    )


def settled(steps: list[Step], found: Survey) -> list[Step]:
    """Those of `steps` after which nothing is left to write: who loses is out, and nobody is let
    in."""
    wanted = {member.ref: _subjects(member.desired) for member in found.members}
    ours = [step for step in steps if step.ref in wanted]
    return [
        step
        for step in ours
        if step.action in BAD or (step.after and _subjects(step.after) == wanted[step.ref])
    ]


async def _narrow(client: Client, reader: Reader, member: Member, live: Object) -> Step:
    """The binding with those that it has and shall have."""
    stay = _subjects(live)
    subjects = [
        subject for subject in member.desired.get("subjects") or () if _name(subject) in stay
    ]
    lesser = replace(member, desired={**member.desired, "subjects": subjects})
    lost = ", ".join(sorted(name for _, _, name in _lost(member, live)))
    try:
        after = await put(client, lesser, force=True)
    except ApiError as error:
        return failure_step(member.ref, error, live)
    reader.wrote(after)
    reasons = (Reason.SUBJECTS_REMOVED,)
    return Step(
        member.ref,
        Action.UPDATE,
        f"takes the right from {lost}",
        before=live,
        after=after,
        reasons=reasons,
    )


def _lost(member: Member, live: Object | None) -> set[tuple[str, str, str]]:
    """Who is bound and is not to be."""
    if (
        not is_binding(member.ref.group_kind)
        or live is None
        or "deletionTimestamp" in live["metadata"]
    ):
        return set()
    return _subjects(live) - _subjects(member.desired)


def _subjects(binding: Object) -> set[tuple[str, str, str]]:
    return {_name(subject) for subject in binding.get("subjects") or ()}


def _name(subject: Object) -> tuple[str, str, str]:
    return subject["kind"], subject.get("namespace") or "", subject["name"]
