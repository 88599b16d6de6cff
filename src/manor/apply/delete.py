"""Removes all that an inventory holds, data only on consent, and waits until it is gone."""

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass

from manor.apply.concurrency import concurrently
from manor.apply.errors import NotReady
from manor.apply.inventory import Parent, read_parent, write_parent
from manor.apply.options import Options
from manor.apply.progress import (
    Finished,
    Pending,
    Phase,
    Progress,
    Started,
    Waiting,
    logged,
    silent,
)
from manor.apply.prune import CONSENT, Pruning, delete_object, delete_waves, plan_pruning
from manor.apply.reasons import Reason
from manor.apply.steps import Action, Result, Step
from manor.apply.survey import labelled
from manor.apply.work import Work
from manor.kube import Client, DirectReader, NotFound, Object
from manor.limits import limits
from manor.objectset.applyset import ID_LABEL, PARENT_FIELD_MANAGER, Scope
from manor.objectset.inventory import Inventory
from manor.objectset.order import is_binding
from manor.objectset.references import Ref, is_namespace, ref_of
from manor.polling import poll_until


async def delete(
    client: Client,
    inventory: Inventory,
    options: Options | None = None,
    progress: Progress = silent,
) -> Result:
    """Deletes the members of `inventory`, and the inventory itself when none is left; first of all,
    who is let in.

    Volume claims, the namespaces that hold them or what people made, and what guards those are
    kept, unless the options consent. Raises NotReady where something is not gone after
    `options.timeout` seconds; running again goes on.
    """
    options, progress = options or Options(), logged(progress)
    steps: list[Step] = []

    def report(step: Step) -> None:
        steps.append(step)
        progress(Finished(step))

    progress(Started(Phase.READ, 0))
    reader = DirectReader(client)
    parent = await read_parent(reader, inventory)
    members = await labelled(client, reader, parent)
    holders = {ref: members.pop(ref) for ref in inventory.holders if ref in members}
    rights = [obj for ref, obj in members.items() if is_binding(ref.group_kind)]
    taken = await concurrently(delete_object(client, obj, report) for obj in rights)
    rest = [obj for ref, obj in members.items() if not is_binding(ref.group_kind)]
    pruning = await plan_pruning(client, inventory, rest, options)
    progress(Started(Phase.DELETE, len(pruning.doomed)))
    for step in pruning.kept:
        report(step)
    gone = [obj for obj, step in zip(rights, taken, strict=True) if step.action is Action.PRUNE]
    gone += await delete_waves(client, pruning, report)
    await _until_gone(client, parent, gone, options.timeout, progress)
    left = members.keys() - {step.ref for step in steps if step.action is Action.PRUNE}
    stuck = None if left else await _why_stay(client, inventory, holders, options)
    if stuck:
        report(stuck)
    if left or stuck:
        await write_parent(client, reader, parent, Scope.of([*left, *holders]))
        return Result(tuple(steps))
    await _remove_parent(client, parent, holders, report)
    last = [obj for ref, obj in holders.items() if ref != inventory.ref]
    await delete_waves(client, Pruning((tuple(last),), (), (), {}), report)
    await _until_gone(client, parent, last, options.timeout, progress)
    return Result(tuple(steps))


@dataclass(frozen=True)
class KeptNamespace:
    """A namespace that a deletion would keep: the step that says why, and what people
    made in it."""

    step: Step
    work: Work


async def to_be_kept(client: Client, inventory: Inventory, options: Options) -> list[KeptNamespace]:
    """The namespaces that a deletion would keep, and why. Writes nothing."""
    reader = DirectReader(client)
    members = await labelled(client, reader, await read_parent(reader, inventory))
    pruning = await plan_pruning(client, inventory, members.values(), options)
    namespaces = [
        step
        for step in pruning.kept
        if is_namespace(step.ref) and step.ref not in inventory.holders
    ]
    return [KeptNamespace(step, pruning.work[step.ref]) for step in namespaces]


async def _why_stay(
    client: Client, inventory: Inventory, holders: dict[Ref, Object], options: Options
) -> Step | None:
    """The step that keeps the inventory's own namespace, where that holds more than the
    inventory."""
    namespace = next((ref for ref in holders if ref != inventory.ref), None)
    if namespace is None:
        return None
    found = [
        await client.list("v1", kind, namespace.name, {ID_LABEL: None})
        for kind in ("ConfigMap", "Secret")
    ]
    others = sorted(
        {obj["metadata"]["name"] for objects in found for obj in objects} - {inventory.name}
    )
    if others:
        message = f"holds the inventories {', '.join(others)}; delete what they hold first"
        return Step(namespace, Action.KEEP, message, reasons=(Reason.HOLDS_INVENTORY,))
    claims = (
        []
        if options.delete_data
        else await client.list("v1", "PersistentVolumeClaim", namespace.name)
    )
    if not claims:
        return None
    return Step(
        namespace, Action.KEEP, f"holds volume claims; {CONSENT}", reasons=(Reason.HOLDS_DATA,)
    )


async def _remove_parent(
    client: Client, parent: Parent, holders: dict[Ref, Object], report: Callable[[Step], None]
) -> None:
    inventory, namespace = parent.inventory, parent.inventory.namespace or None
    if inventory.owned:
        return
    try:
        if inventory.ref in holders or (parent.exists and inventory.made_here):
            await client.delete(inventory.api_version, inventory.kind, inventory.name, namespace)
        elif parent.exists:  # not ours to delete: take back what the inventory put on it
            await release(client, inventory)
    except NotFound:
        return
    if inventory.ref in holders:
        report(Step(inventory.ref, Action.PRUNE, before=holders[inventory.ref]))


async def release(client: Client, inventory: Inventory) -> None:
    """Takes back what the inventory put on its parent; its members stand as they are. Raises
    NotFound."""
    live = await client.get(
        inventory.api_version, inventory.kind, inventory.name, inventory.namespace or None
    )
    await client.apply(_bare(live), field_manager=PARENT_FIELD_MANAGER, force=True)


def _bare(obj: Object) -> Object:
    meta = {
        key: obj["metadata"][key] for key in ("name", "namespace", "uid") if key in obj["metadata"]
    }
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": meta}


async def _until_gone(
    client: Client, parent: Parent, gone: list[Object], timeout: float, progress: Progress
) -> None:
    doomed = {ref_of(obj): obj["metadata"]["uid"] for obj in gone}
    scope = Scope.of(doomed)
    began, told = time.monotonic(), None

    async def look() -> tuple[Pending, ...]:
        nonlocal told
        there = await labelled(
            client, DirectReader(client), Parent(parent.inventory, parent.live, scope)
        )
        left = {ref: obj for ref, obj in there.items() if doomed.get(ref) == obj["metadata"]["uid"]}
        pending = tuple(Pending(ref, _why_there(ref, obj)) for ref, obj in left.items())
        if pending != told:
            told = pending
            progress(Waiting(pending, time.monotonic() - began))
        return pending

    if doomed and (
        left := await poll_until(
            operator.not_, look, timeout=timeout, interval=limits().apply.gone_poll
        )
    ):
        raise NotReady(f"not gone after {timeout:g} s:", left)


def _why_there(ref: Ref, obj: Object) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    if is_namespace(ref):
        told = [c["message"] for c in conditions if c.get("status") == "True" and c.get("message")]
        return "; ".join(told) or "its content is being deleted"
    finalizers = obj["metadata"].get("finalizers")
    return f"waits for the finalizers {', '.join(finalizers)}" if finalizers else "is being deleted"
