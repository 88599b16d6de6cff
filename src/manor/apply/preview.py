"""What applying a member would do, found out without a write."""

from typing import Any

from manor.apply.diff import tidy
from manor.apply.members import Member
from manor.apply.ownership import is_applied
from manor.apply.reasons import Reason
from manor.apply.steps import Action, Step, conflict_step, conflicts_of, failure_step
from manor.kube import ApiError, Client, Conflict, Object
from manor.objectset.applyset import FIELD_MANAGER
from manor.objectset.order import Wave

_LABELS = ".metadata.labels."


async def put(client: Client, member: Member, *, force: bool, dry_run: bool = False) -> Object:
    """Applies `member`. Raises Conflict where another field manager has a field of it, unless
    `force`.

    What says whose an object is, what guards a namespace and who is let in is put right, whoever
    wrote over it: nobody holds that up by a write of their own.
    """
    force = force or member.wave in (Wave.GUARDS, Wave.ACCESS)
    try:
        return await client.apply(
            member.desired, field_manager=FIELD_MANAGER, force=force, dry_run=dry_run
        )
    except Conflict as error:
        fields = [conflict.field for conflict in conflicts_of(error)]
        if not fields or not all(field.startswith(_LABELS) for field in fields):
            raise
    return await client.apply(
        member.desired, field_manager=FIELD_MANAGER, force=True, dry_run=dry_run
    )


async def preview(client: Client, member: Member, live: Object | None, *, force: bool) -> Step:
    """The step that applying `member` over `live` would be: at most one dry run, none where
    managedFields tell."""
    ref = member.ref
    if live and "deletionTimestamp" in live["metadata"]:
        since = live["metadata"]["deletionTimestamp"]
        message = f"is being deleted since {since}; run again once it is gone"
        return Step(ref, Action.FAIL, message, before=live, reasons=(Reason.BEING_DELETED,))
    if live and (member.once or is_applied(member.desired, live)):
        return Step(ref, Action.UNCHANGED, before=live, after=live)
    try:
        after = await put(client, member, force=force, dry_run=True)
    except Conflict as error:
        return conflict_step(ref, error, live)
    except ApiError as error:
        return failure_step(ref, error, live)
    if live is None:
        return Step(ref, Action.CREATE, after=member.desired)
    same = _content(after) == _content(live)
    return Step(ref, Action.UNCHANGED if same else Action.UPDATE, before=live, after=after)


def _content(obj: Object) -> tuple[Any, Any]:
    # Not the entries of subresources: a controller writes the status between our reading and our
    # dry run.
    managers = [
        entry for entry in obj["metadata"].get("managedFields", ()) if "subresource" not in entry
    ]
    return tidy(obj), [
        {key: value for key, value in entry.items() if key != "time"} for entry in managers
    ]
