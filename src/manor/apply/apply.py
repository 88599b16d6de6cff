"""Makes the cluster hold the desired objects: wave by wave, concurrently, and as far as
possible."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from manor.apply.enforcement import is_policy, wait_enforced
from manor.apply.errors import InventoryError, Refused
from manor.apply.inventory import Parent, write_parent
from manor.apply.options import Options
from manor.apply.parent import store_parent
from manor.apply.progress import Finished, Phase, Progress, Started, logged, silent
from manor.apply.prune import delete_waves, plan_pruning
from manor.apply.reasons import Reason
from manor.apply.rights import settled, take_away
from manor.apply.steps import BAD, CHANGES, Action, Result, Step
from manor.apply.survey import Survey, survey
from manor.apply.writer import Writer
from manor.kube import Client, DirectReader, NotFound, Object, Reader
from manor.objectset.applyset import PARENT_FIELD_MANAGER, Scope
from manor.objectset.inventory import Inventory
from manor.objectset.kinds import kind_of
from manor.objectset.order import Wave
from manor.objectset.protection import is_network_policy
from manor.objectset.references import Ref, is_namespace, ref_of


async def apply(
    client: Client,
    objects: Sequence[Object],
    inventory: Inventory,
    options: Options | None = None,
    progress: Progress = silent,
    parent: Object | None = None,
    reader: Reader | None = None,
) -> Result:
    """Applies `objects` as the whole content of `inventory`, and prunes what it held beside them.

    `parent` is the inventory's parent object where it says something itself: it is stored first,
    but not if the server would refuse a change of something that is there. `reader` finds what is
    there, where it shall not be asked of the server each time. Before all, rights are taken away
    that nobody is to have.

    What fails, and what depends on it, is told by the result; all else is applied, and running
    again completes. After a failure nothing is pruned but what opens a network. When nothing
    differs, nothing is written. What comes after admission policies waits until the server acts by
    them. Raises InvalidObjects and InventoryError before anything is changed; Refused, where a set
    of one namespace or an object outside all of them is not ours; NotEnforced, and manor.kube's
    errors where the reading fails. A cancelled run leaves an inventory that names all it wrote.
    """
    options, progress = options or Options(), logged(progress)
    progress(Started(Phase.READ, len(objects)))
    reader = reader or DirectReader(client)
    found = await survey(client, reader, objects, inventory)
    first, found = await take_away(client, reader, found, options, progress)
    unowned = found.unowned(adopt=options.adopt)
    if any(inventory.namespace or not step.ref.namespace for step in unowned):
        for step in unowned:
            progress(Finished(step))
        raise Refused(unowned, first)
    if parent is not None:
        stored, found = await store_parent(client, parent, found, options)
        for step in stored:
            progress(Finished(step))
        first += stored
        if any(step.action in BAD for step in stored):
            return Result(tuple(first))
    found = found.owned()
    progress(Started(Phase.APPLY, len(found.members)))
    writer = Writer(client, reader, found, options, progress, [*unowned, *settled(first, found)])
    await _provide_holders(client, found, writer)
    holder = await write_parent(client, reader, found.parent, found.parent.scope | found.scope)
    for _, wave in groupby(found.members, key=lambda member: member.wave):
        members = list(wave)
        await writer.write_wave(members)
        if any(is_policy(m.ref) and writer.steps[m.ref].action in CHANGES for m in members):
            await wait_enforced(client)
    steps = list({step.ref: step for step in [*first, *writer.steps.values()]}.values())
    if not options.prune:
        return Result(tuple(steps))
    steps += await _prune(client, reader, found, writer.steps, holder, options, progress)
    return Result(tuple(steps))


async def revoke(
    client: Client,
    objects: Sequence[Object],
    inventory: Inventory,
    progress: Progress = silent,
    reader: Reader | None = None,
) -> Result:
    """Only takes away the rights that `apply` would take away, where all else cannot be applied."""
    reader = reader or DirectReader(client)
    found = await survey(client, reader, objects, inventory)
    steps, _ = await take_away(client, reader, found, Options(), logged(progress))
    return Result(tuple(steps))


async def _provide_holders(client: Client, found: Survey, writer: Writer) -> None:
    """The inventory is written before all members, so that what it is lost without must come before
    it."""
    inventory = found.parent.inventory
    if found.parent.live is not None:
        return
    own = {member.ref: member for member in found.members if member.ref in inventory.holders}
    if any(not member.served for member in own.values()):
        await writer.write_wave([member for member in found.members if member.wave == Wave.CRDS])
    for ref in inventory.holders:
        if ref in own:
            await writer.write_wave([own[ref]])
            step = writer.steps[ref]
            if step.action in BAD:
                raise InventoryError(
                    f"the inventory {inventory} cannot be made: {ref}: {step.message}"
                )
        elif ref == inventory.ref and not inventory.made_here:
            raise InventoryError(f"the inventory {inventory} does not exist")
        elif is_namespace(ref):
            await _provide_namespace(client, ref.name)


async def _provide_namespace(client: Client, name: str) -> None:
    try:
        await client.get("v1", "Namespace", name)
    except NotFound:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await client.apply(namespace, field_manager=PARENT_FIELD_MANAGER)


def _still_goes(found: Survey, fates: Mapping[Ref, Step]) -> list[Object]:
    """What is pruned after a failure: what opens a network, where all guards stand. Nobody holds
    that up."""
    failed = [m.ref for m in found.members if m.wave <= Wave.GUARDS and fates[m.ref].action in BAD]
    guarded = {m.ref.namespace for m in found.members} - {
        r.name if is_namespace(r) else r.namespace for r in failed
    }
    return [
        obj
        for obj in found.orphans
        if is_network_policy(kind_of(obj)) and obj["metadata"]["namespace"] in guarded
    ]


async def _prune(
    client: Client,
    reader: Reader,
    found: Survey,
    fates: Mapping[Ref, Step],
    parent: Parent,
    options: Options,
    progress: Progress,
) -> list[Step]:
    steps: list[Step] = []

    def report(step: Step) -> None:
        steps.append(step)
        progress(Finished(step))

    failed = any(step.action in BAD for step in fates.values())
    going = _still_goes(found, fates) if failed else list(found.orphans)
    for obj in found.orphans:
        if obj not in going:
            message = "not pruned, because something failed"
            report(Step(ref_of(obj), Action.SKIP, message, reasons=(Reason.DEPENDENCY_FAILED,)))
    if going:
        pruning = await plan_pruning(client, parent.inventory, going, options)
        progress(Started(Phase.PRUNE, len(pruning.doomed)))
        for step in pruning.kept:
            report(step)
        await delete_waves(client, pruning, report)
    if not failed:
        gone = {step.ref for step in steps if step.action is Action.PRUNE}
        left = [ref for ref in map(ref_of, found.orphans) if ref not in gone]
        await write_parent(
            client, reader, parent, Scope.of([member.ref for member in found.members] + left)
        )
    return steps
