"""What a run would do, and the difference that it would make."""

from collections.abc import Sequence

from manor.apply.concurrency import concurrently
from manor.apply.diff import unified
from manor.apply.members import Member
from manor.apply.options import Options
from manor.apply.parent import parent_step
from manor.apply.preview import preview
from manor.apply.prune import plan_pruning
from manor.apply.steps import Action, Step, Steps
from manor.apply.survey import Survey, survey
from manor.kube import Client, DirectReader, Object, Reader
from manor.objectset.inventory import Inventory
from manor.objectset.references import ref_of


class Plan(Steps):
    """What an apply would do."""

    def diff(self) -> str:
        """All changes as one unified diff of YAML; the values of Secrets are masked."""
        return "".join(unified(step) for step in self.steps)


async def plan(
    client: Client,
    objects: Sequence[Object],
    inventory: Inventory,
    options: Options | None = None,
    parent: Object | None = None,
    reader: Reader | None = None,
) -> Plan:
    """The steps that `apply` would take with the same arguments. Writes nothing.

    Raises InvalidObjects and InventoryError; strangers are steps with the action REFUSE.
    """
    options = options or Options()
    found = (await survey(client, reader or DirectReader(client), objects, inventory)).owned()
    refused = {step.ref: step for step in found.unowned(adopt=options.adopt)}
    rest = [member for member in found.members if member.ref not in refused]
    steps = await concurrently(_step(client, found, member, options) for member in rest)
    planned = {step.ref: step for step in steps} | refused
    ordered = [parent_step(parent, found)] if parent is not None else []
    ordered += [planned[member.ref] for member in found.members]
    if options.prune:
        pruning = await plan_pruning(client, inventory, found.orphans, options)
        ordered += pruning.kept
        ordered += [Step(ref_of(obj), Action.PRUNE, before=obj) for obj in pruning.doomed]
    return Plan(tuple(ordered))


async def _step(client: Client, found: Survey, member: Member, options: Options) -> Step:
    live = found.live.get(member.ref)
    if live is None and (not member.served or member.ref.namespace in found.missing_namespaces):
        return Step(
            member.ref, Action.CREATE, after=member.desired
        )  # a dry run needs what does not exist yet
    return await preview(client, member, live, force=options.force_conflicts)
