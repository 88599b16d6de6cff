"""The inventory: which objects are ours, in kubectl's ApplySet format (Kubernetes enhancement 3659).

A parent object carries the set's ID, the tooling, the kinds of the members and their namespaces; each member carries a
label with the ID. The parent names at least the kinds and namespaces of all members at any moment, so that an
interrupted run loses track of nothing: it grows before the first write and shrinks after the last deletion.

A label is no proof: whoever may write objects may write it. So a set holds nothing outside the namespaces that its
parent names, and a parent is believed only where its users cannot write it. For a parent that they can write there is
`Owned`: nothing on it is read, and its members are its garbage-collected dependents.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from manor import __version__
from manor.apply.errors import InventoryError
from manor.apply.objects import PART_OF, Ref, group_of, is_namespace
from manor.kube import Client, Conflict, NotFound, Object, UnknownKind

ID_LABEL = "applyset.kubernetes.io/id"
TOOLING = "applyset.kubernetes.io/tooling"
GROUP_KINDS = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"

TOOL = "manor"
FIELD_MANAGER = "manor-applyset"
"""Not the manager of the members: a parent may be a member, or a custom resource with fields of its own."""


@dataclass(frozen=True)
class Owned:
    """What a set may hold whose parent people write themselves: objects of these kinds, with these labels, in the
    parent's namespace."""

    kinds: frozenset[tuple[str, str]]
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Inventory:
    """The name of an inventory: its parent object.

    A ConfigMap or Secret is made when it is missing. Another kind must exist or be among the objects applied, and, for
    kubectl to accept it, be a custom resource whose definition has the label applyset.kubernetes.io/is-parent-type.
    """

    name: str
    namespace: str = "manor-system"
    api_version: str = "v1"
    kind: str = "ConfigMap"
    owned: Owned | None = None
    """For a parent that is not to be believed, as people of its namespace can write it."""

    @property
    def id(self) -> str:
        """The ApplySet's ID, a function of the parent's name, namespace, kind and group."""
        parts = (self.name, self.namespace, self.kind, group_of(self.api_version))
        digest = base64.urlsafe_b64encode(hashlib.sha256(".".join(parts).encode()).digest())
        return f"applyset-{digest.rstrip(b'=').decode()}-v1"

    @property
    def marks(self) -> dict[str, str]:
        """The labels of the members."""
        return dict(self.owned.labels) if self.owned else {PART_OF: self.id}

    @property
    def selector(self) -> str:
        """The label selector of the members."""
        return ",".join(f"{key}={value}" for key, value in self.marks.items())

    @property
    def ref(self) -> Ref:
        """The name of the parent object."""
        return Ref(group_of(self.api_version), self.kind, self.namespace, self.name)

    @property
    def holders(self) -> tuple[Ref, ...]:
        """What the inventory is lost without: its namespace and the parent itself. They come first and go last."""
        return (*([Ref("", "Namespace", "", self.namespace)] if self.namespace else []), self.ref)

    @property
    def made_here(self) -> bool:
        """Whether the parent is nothing but an inventory, made and deleted with it."""
        return (self.api_version, self.kind) in {("v1", "ConfigMap"), ("v1", "Secret")}

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Scope:
    """Where members may be: their kinds, as (group, kind), and their namespaces."""

    group_kinds: frozenset[tuple[str, str]] = frozenset()
    namespaces: frozenset[str] = frozenset()

    def __or__(self, other: "Scope") -> "Scope":
        return Scope(self.group_kinds | other.group_kinds, self.namespaces | other.namespaces)

    @classmethod
    def of(cls, refs: Iterable[Ref]) -> "Scope":
        """The scope of the objects `refs`: a Namespace among them is in it by its name."""
        refs = list(refs)
        return cls(
            frozenset((ref.group, ref.kind) for ref in refs),
            frozenset(ref.name if is_namespace(ref) else ref.namespace for ref in refs) - {""},
        )


@dataclass(frozen=True)
class Parent:
    """The parent object as it was last read or written."""

    inventory: Inventory
    live: Object | None
    scope: Scope

    @property
    def exists(self) -> bool:
        """Whether there may be members: an inventory was written, or nothing on the parent is believed."""
        if self.inventory.owned or self.live is None:
            return bool(self.inventory.owned)
        return ID_LABEL in (self.live["metadata"].get("labels") or {})

    def may_hold(self, ref: Ref) -> bool:
        """Whether the object is where members may be, whatever its labels say.

        Of what lies in no namespace, people write Namespaces alone.
        """
        if is_namespace(ref):
            return ref.name in self.scope.namespaces | {self.inventory.namespace}
        return not ref.namespace or ref.namespace in self.scope.namespaces | {self.inventory.namespace}


async def read_parent(client: Client, inventory: Inventory) -> Parent:
    """The parent as it is. Raises InventoryError where other tooling owns it."""
    try:
        live = await client.get(inventory.api_version, inventory.kind, inventory.name, inventory.namespace or None)
    except (NotFound, UnknownKind):
        return Parent(inventory, None, Scope(inventory.owned.kinds) if inventory.owned else Scope())
    parent = reread_parent(inventory, live)
    _check_owner(parent)
    return parent


def reread_parent(inventory: Inventory, live: Object) -> Parent:
    """The parent as the server just told it."""
    if inventory.owned:
        return Parent(inventory, live, Scope(inventory.owned.kinds, frozenset({inventory.namespace})))
    annotations = live["metadata"].get("annotations") or {}
    kinds = (entry.partition(".") for entry in annotations.get(GROUP_KINDS, "").split(",") if entry)
    namespaces = frozenset(ns for ns in annotations.get(NAMESPACES, "").split(",") if ns)
    return Parent(inventory, live, Scope(frozenset((group, kind) for kind, _, group in kinds), namespaces))


def _check_owner(parent: Parent) -> None:
    if not parent.exists or parent.inventory.owned:
        return
    assert parent.live is not None  # noqa: S101 - exists implies it
    meta = parent.live["metadata"]
    tooling = (meta.get("annotations") or {}).get(TOOLING, "")
    if tooling.partition("/")[0] != TOOL:
        raise InventoryError(
            f"the inventory {parent.inventory} belongs to {tooling or 'unnamed tooling'}, not to {TOOL}"
        )
    if meta["labels"][ID_LABEL] != parent.inventory.id:
        raise InventoryError(
            f"the inventory {parent.inventory} has the ID {meta['labels'][ID_LABEL]}, which is that of another object"
        )


async def write_parent(client: Client, parent: Parent, scope: Scope) -> Parent:
    """Makes the parent name `scope`; no write where it does already. Raises InventoryError for a concurrent change."""
    inventory = parent.inventory
    if inventory.owned:
        return parent
    meta: Object = {
        "name": inventory.name,
        "labels": {ID_LABEL: inventory.id},
        "annotations": _annotations(inventory, scope),
    }
    if inventory.namespace:
        meta["namespace"] = inventory.namespace
    if parent.live is not None:
        live = parent.live["metadata"]
        if all((live.get(field) or {}).items() >= meta[field].items() for field in ("labels", "annotations")):
            return parent
        meta["resourceVersion"] = live["resourceVersion"]
    body = {"apiVersion": inventory.api_version, "kind": inventory.kind, "metadata": meta}
    try:
        live = await client.apply(body, field_manager=FIELD_MANAGER, force=True)
    except Conflict as error:
        raise InventoryError(f"another run changed the inventory {inventory} meanwhile; run again") from error
    return reread_parent(inventory, live)


def _annotations(inventory: Inventory, scope: Scope) -> dict[str, str]:
    return {
        TOOLING: f"{TOOL}/v{__version__}",
        GROUP_KINDS: ",".join(sorted(f"{kind}.{group}" if group else kind for group, kind in scope.group_kinds)),
        NAMESPACES: ",".join(sorted(scope.namespaces - {inventory.namespace})),
    }
