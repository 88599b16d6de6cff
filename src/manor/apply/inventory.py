"""The parent of an inventory, read from the cluster and written to it.

The parent names at least the kinds and namespaces of all members at any moment, so that an
interrupted run loses track of nothing: it grows before the first write and shrinks after the last
deletion.
"""

from dataclasses import dataclass

from manor.apply.errors import InventoryError
from manor.kube import Client, Conflict, Object, Reader, UnknownKind
from manor.objectset.applyset import ID_LABEL, PARENT_FIELD_MANAGER, TOOL, TOOLING, Scope
from manor.objectset.inventory import Inventory
from manor.objectset.references import Ref, is_namespace


@dataclass(frozen=True)
class Parent:
    """The parent object as it was last read or written."""

    inventory: Inventory
    live: Object | None
    scope: Scope

    @property
    def exists(self) -> bool:
        """Whether there may be members: an inventory was written, or nothing on the parent is
        believed."""
        if self.inventory.owned or self.live is None:
            return bool(self.inventory.owned)
        return ID_LABEL in (self.live["metadata"].get("labels") or {})

    def may_hold(self, ref: Ref) -> bool:
        """Whether the object is where members may be, whatever its labels say.

        Of what lies in no namespace, people write Namespaces alone.
        """
        if is_namespace(ref):
            return ref.name in self.scope.namespaces | {self.inventory.namespace}
        return not ref.namespace or ref.namespace in self.scope.namespaces | {
            self.inventory.namespace
        }


async def read_parent(reader: Reader, inventory: Inventory) -> Parent:
    """The parent as it is. Raises InventoryError where other tooling owns it."""
    try:
        live = await reader.find(
            inventory.api_version, inventory.kind, inventory.name, inventory.namespace
        )
    except UnknownKind:
        live = None
    if live is None:
        return Parent(inventory, None, Scope(inventory.owned.kinds) if inventory.owned else Scope())
    parent = reread_parent(inventory, live)
    _check_owner(parent)
    return parent


def reread_parent(inventory: Inventory, live: Object) -> Parent:
    """The parent as the server just told it."""
    if inventory.owned:
        return Parent(
            inventory, live, Scope(inventory.owned.kinds, frozenset({inventory.namespace}))
        )
    return Parent(inventory, live, Scope.parse(live["metadata"].get("annotations") or {}))


def _check_owner(parent: Parent) -> None:
    if not parent.exists or parent.inventory.owned:
        return
    assert parent.live is not None  # noqa: S101 - exists implies it
    meta = parent.live["metadata"]
    tooling = (meta.get("annotations") or {}).get(TOOLING, "")
    if tooling.partition("/")[0] != TOOL:
        raise InventoryError(
            f"the inventory {parent.inventory} belongs to {tooling or 'unnamed tooling'}, not to "
            f"{TOOL}"
        )
    if meta["labels"][ID_LABEL] != parent.inventory.id:
        raise InventoryError(
            f"the inventory {parent.inventory} has the ID {meta['labels'][ID_LABEL]}, which is "
            f"that of another object"
        )


async def write_parent(client: Client, reader: Reader, parent: Parent, scope: Scope) -> Parent:
    """Makes the parent name `scope`; no write where it does already. Raises InventoryError for a
    concurrent change."""
    inventory = parent.inventory
    if inventory.owned:
        return parent
    wanted = inventory.marked_parent(scope)
    meta = wanted["metadata"]
    if parent.live is not None:
        live = parent.live["metadata"]
        marked = all(
            (live.get(field) or {}).items() >= meta[field].items()
            for field in ("labels", "annotations")
        )
        if marked and set(live.get("finalizers") or ()) >= set(meta.get("finalizers", ())):
            return parent
        meta["resourceVersion"] = live["resourceVersion"]
    try:
        live = await client.apply(wanted, field_manager=PARENT_FIELD_MANAGER, force=True)
    except Conflict as error:
        raise InventoryError(
            f"another run changed the inventory {inventory} meanwhile; run again"
        ) from error
    reader.wrote(live)
    return reread_parent(inventory, live)
