"""What is there already: the members of the inventory, and strangers under the names
that we want."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from manor.apply.concurrency import concurrently
from manor.apply.inventory import Parent, read_parent
from manor.apply.members import Member, members
from manor.apply.ownership import wrote
from manor.apply.reasons import Reason
from manor.apply.steps import Action, Step
from manor.kube import Client, NotFound, Object, Reader, UnknownKind
from manor.objectset.applyset import PART_OF, Scope
from manor.objectset.inventory import Inventory
from manor.objectset.kinds import GroupKind
from manor.objectset.protection import holds_data
from manor.objectset.references import (
    Ref,
    controller_of,
    is_default_account,
    is_namespace,
    ref_of,
)


@dataclass(frozen=True)
class Survey:
    """The desired objects beside the live ones.

    `orphans` are members of the inventory that are no longer desired and not being deleted already,
    by themselves or with their namespace, whose end takes its pods before their guards;
    `missing_namespaces` are namespaces that desired objects lie in and that do not exist yet.
    """

    parent: Parent
    members: tuple[Member, ...]
    live: dict[Ref, Object]
    orphans: tuple[Object, ...]
    missing_namespaces: frozenset[str]

    @property
    def scope(self) -> Scope:
        """Where the desired objects and the orphans are."""
        return Scope.of(
            [member.ref for member in self.members] + [ref_of(obj) for obj in self.orphans]
        )

    def owned(self) -> "Survey":
        """The same, with the parent as the owner of the members, so that they are deleted with it;
        but not data."""
        inventory, live = self.parent.inventory, self.parent.live
        if not inventory.owned or live is None:
            return self
        owner = {key: live[key] for key in ("apiVersion", "kind")}
        owner |= {key: live["metadata"][key] for key in ("name", "uid")}
        once = inventory.owned.once
        members = (_owned(member, owner, once) for member in self.members)
        return replace(self, members=tuple(members))

    def unowned(self, *, adopt: bool) -> list[Step]:
        """The objects that we must not touch: others' and, unless `adopt` or the inventory says so,
        nobody's."""
        found = []
        for member in self.members:
            live = self.live.get(member.ref)
            inventory = self.parent.inventory
            may = adopt or member.ref in inventory.adopts
            why = _not_ours(member.ref, live, inventory, may) if live else None
            if why:
                reason, message = why
                found.append(
                    Step(member.ref, Action.REFUSE, message, before=live, reasons=(reason,))
                )
        return found


def _owned(member: Member, owner: Object, once: frozenset[GroupKind]) -> Member:
    if holds_data(member.ref.group_kind):
        return member
    metadata = {**member.desired["metadata"], "ownerReferences": [owner]}
    desired = {**member.desired, "metadata": metadata}
    return replace(member, desired=desired, once=member.ref.group_kind in once)


def _not_ours(
    ref: Ref, live: Object, inventory: Inventory, adopt: bool
) -> tuple[Reason, str] | None:
    labels, marks = live["metadata"].get("labels") or {}, inventory.marks
    if marks.items() <= labels.items():
        return None
    others = [key for key in {PART_OF, *marks} if labels.get(key, marks.get(key)) != marks.get(key)]
    told = ", ".join(sorted(labels[key] for key in others if wrote(live, key)))
    if told:
        return (
            Reason.OWNED_BY_ANOTHER,
            f"exists and belongs to another inventory ({told}); delete it there first",
        )
    # Kubernetes itself makes the account in every namespace, ours included. What we wrote and
    # somebody else labelled anew is ours still.
    if wrote(live) or is_default_account(ref):
        return None
    if owner := controller_of(live):
        message = (
            f"exists, controlled by {owner['kind']} {owner['name']} and deleted with it; to take "
            f"it over, remove that from its metadata.ownerReferences first, then adopt it"
        )
        return Reason.CONTROLLED, message
    if adopt:
        return None
    message = (
        "exists and was not made by this inventory; delete or rename it, or, to take it "
        "over, adopt it"
    )
    return Reason.NOT_OURS, message


async def survey(
    client: Client, reader: Reader, objects: Iterable[Object], inventory: Inventory
) -> Survey:
    """Reads all that a run needs to know; writes nothing. Raises InvalidObjects, InventoryError."""
    wanted = await members(client, list(objects), inventory.marks)
    parent = await read_parent(reader, inventory)
    versions = {member.ref.group_kind: member.desired["apiVersion"] for member in wanted}
    found = await labelled(client, reader, parent, versions)
    missing = [member for member in wanted if member.served and member.ref not in found]
    unowned, absent = await _look_up(reader, missing, found)
    desired = {member.ref for member in wanted}
    ending = {ref.name for ref, obj in found.items() if is_namespace(ref) and _goes(obj)}
    return Survey(
        parent=parent,
        members=tuple(wanted),
        live={ref: obj for ref, obj in found.items() if ref in desired} | unowned,
        orphans=tuple(
            obj
            for ref, obj in found.items()
            if ref not in desired and not _goes(obj) and ref.namespace not in ending
        ),
        missing_namespaces=absent,
    )


async def labelled(
    client: Client, reader: Reader, parent: Parent, versions: Mapping[GroupKind, str] | None = None
) -> dict[Ref, Object]:
    """The live members of the inventory, of each kind that it, or `versions`, names.

    `versions` says in which apiVersion to read a (group, kind); others are read in the one that the
    server prefers. Objects that a controller made are none: some of them inherit the labels of
    their owner. Nor are objects outside the inventory's scope: anybody can write a label.
    """
    if not parent.exists:
        return {}
    versions = versions or {}
    kinds = sorted(parent.scope.group_kinds | versions.keys())
    home = parent.inventory.namespace
    spaces = parent.scope.namespaces | ({home} if home else set())
    lists = await concurrently(
        _list(client, reader, kind, versions.get(kind), spaces, parent.inventory.marks)
        for kind in kinds
    )
    found = {ref_of(obj): obj for objects in lists for obj in objects if controller_of(obj) is None}
    return {ref: obj for ref, obj in found.items() if parent.may_hold(ref)}


async def _list(
    client: Client,
    reader: Reader,
    kind: GroupKind,
    version: str | None,
    namespaces: Iterable[str],
    marks: Mapping[str, str],
) -> list[Object]:
    try:
        version = version or (await client.preferred_resource(*kind)).api_version
        return await reader.find_all(version, kind[1], namespaces, marks)
    except (
        UnknownKind,
        NotFound,
    ):  # its CRD is gone, and all its objects with it; or it comes with this run
        return []


def _goes(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


async def _look_up(
    reader: Reader, missing: list[Member], found: dict[Ref, Object]
) -> tuple[dict[Ref, Object], frozenset[str]]:
    """The live objects under the names of `missing`, and the namespaces that do not exist."""
    cluster = [member for member in missing if not member.ref.namespace]
    live = await _get_all(reader, cluster)
    known = {ref.name for ref in (*found, *live) if is_namespace(ref)}
    known |= {ref.namespace for ref in found}
    unknown = {member.ref.namespace for member in missing} - known - {""}
    desired = {member.ref.name for member in cluster if is_namespace(member.ref)}
    present = await concurrently(
        reader.find("v1", "Namespace", name) for name in sorted(unknown - desired)
    )
    absent = (unknown & desired) | {
        name
        for name, there in zip(sorted(unknown - desired), present, strict=True)
        if there is None
    }
    live |= await _get_all(
        reader, [m for m in missing if m.ref.namespace and m.ref.namespace not in absent]
    )
    return live, frozenset(absent)


async def _get_all(reader: Reader, wanted: list[Member]) -> dict[Ref, Object]:
    objects = await concurrently(
        reader.find(m.desired["apiVersion"], m.ref.kind, m.ref.name, m.ref.namespace)
        for m in wanted
    )
    return {member.ref: obj for member, obj in zip(wanted, objects, strict=True) if obj}
