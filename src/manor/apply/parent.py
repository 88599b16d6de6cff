"""Stores the parent object of an inventory where it is a spec (a Tenant): before the objects that
it becomes, and only once nothing is known that would stop these."""

from dataclasses import replace

from manor.apply.concurrency import concurrently
from manor.apply.errors import InvalidObjects
from manor.apply.inventory import reread_parent
from manor.apply.options import Options
from manor.apply.ownership import is_applied, unwritten
from manor.apply.preview import preview
from manor.apply.reasons import Reason
from manor.apply.steps import Action, Step, conflict_step, failure_step
from manor.apply.survey import Survey
from manor.kube import ApiError, Client, Conflict, Object
from manor.objectset.applyset import FIELD_MANAGER
from manor.objectset.references import ref_of


def parent_step(wanted: Object, found: Survey) -> Step:
    """What storing `wanted`, the inventory's parent, would be. Raises InvalidObjects if it is
    another object."""
    ref = ref_of(wanted)
    if ref != found.parent.inventory.ref:
        raise InvalidObjects([f"{ref} is not the parent of the inventory {found.parent.inventory}"])
    return _step(wanted, found.parent.live)


def _step(wanted: Object, live: Object | None) -> Step:
    ref = ref_of(wanted)
    if live is None:
        return Step(ref, Action.CREATE, after=wanted)
    kept = {
        field: {**(live["metadata"].get(field) or {}), **(wanted["metadata"].get(field) or {})}
        for field in ("labels", "annotations")
        if field in live["metadata"] or field in wanted["metadata"]
    }
    spec = {**unwritten(live, "spec"), **wanted["spec"]}
    after = {**live, "spec": spec, "metadata": {**live["metadata"], **kept}}
    same = after == live or is_applied(wanted, live)
    return Step(ref, Action.UNCHANGED if same else Action.UPDATE, before=live, after=after)


async def _obstacles(client: Client, found: Survey, options: Options) -> list[Step]:
    """The members that are there and that the server would not let be changed, such as the pods of
    a Job."""
    present = [
        (member, found.live[member.ref]) for member in found.members if member.ref in found.live
    ]
    steps = await concurrently(
        preview(client, m, live, force=options.force_conflicts) for m, live in present
    )
    return [step for step in steps if step.action is Action.FAIL]


async def store_parent(
    client: Client, wanted: Object, found: Survey, options: Options
) -> tuple[list[Step], Survey]:
    """Stores `wanted` where it differs and nothing stands in the way: its step after the obstacles,
    and the survey with the parent as it is then."""
    step = parent_step(wanted, found)
    if step.action is Action.UNCHANGED:
        return [step], found
    failing = await _obstacles(client, found, options) if step.action is Action.UPDATE else []
    if failing:
        why = "what it becomes could not be applied"
        return [
            *failing,
            Step(step.ref, Action.SKIP, why, reasons=(Reason.DEPENDENCY_FAILED,)),
        ], found
    step, live = await store(client, wanted, found.parent.live, options)
    if live is None:
        return [step], found
    return [step], replace(found, parent=reread_parent(found.parent.inventory, live))


async def store(
    client: Client, wanted: Object, live: Object | None, options: Options
) -> tuple[Step, Object | None]:
    """Stores `wanted`, and nothing of what it becomes, where it differs from `live`: its step, and
    the object as it is then; None where it could not be stored."""
    step = _step(wanted, live)
    if step.action is Action.UNCHANGED:
        return step, live
    try:
        return step, await client.apply(
            wanted, field_manager=FIELD_MANAGER, force=options.force_conflicts
        )
    except Conflict as error:
        return conflict_step(step.ref, error, step.before), None
    except ApiError as error:
        return replace(failure_step(step.ref, error, step.before), after=step.after), None
