"""What applying a member would do, found out without a write."""

from typing import Any

from manor.apply.diff import tidy
from manor.apply.objects import Member
from manor.apply.ownership import FIELD_MANAGER, is_applied
from manor.apply.steps import Action, Step, conflict_step
from manor.kube import ApiError, Client, Conflict, Object


async def preview(client: Client, member: Member, live: Object | None, *, force: bool) -> Step:
    """The step that applying `member` over `live` would be: at most one dry run, none where managedFields tell."""
    ref = member.ref
    if live and "deletionTimestamp" in live["metadata"]:
        since = live["metadata"]["deletionTimestamp"]
        return Step(ref, Action.FAIL, f"is being deleted since {since}; run again once it is gone", before=live)
    if live and is_applied(member.desired, live):
        return Step(ref, Action.UNCHANGED, before=live, after=live)
    try:
        after = await client.apply(member.desired, field_manager=FIELD_MANAGER, force=force, dry_run=True)
    except Conflict as error:
        return conflict_step(ref, error, live)
    except ApiError as error:
        return Step(ref, Action.FAIL, error.message, before=live)
    if live is None:
        return Step(ref, Action.CREATE, after=after)
    same = _content(after) == _content(live)
    return Step(ref, Action.UNCHANGED if same else Action.UPDATE, before=live, after=after)


def _content(obj: Object) -> tuple[Any, Any]:
    # Not the entries of subresources: a controller writes the status between our reading and our dry run.
    managers = [entry for entry in obj["metadata"].get("managedFields", ()) if "subresource" not in entry]
    return tidy(obj), [{key: value for key, value in entry.items() if key != "time"} for entry in managers]
