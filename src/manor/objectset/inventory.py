"""The inventory: which objects are ours.

A label is no proof: whoever may write objects may write it. So a set holds nothing outside the
namespaces that its parent names, and a parent is believed only where its users cannot write it. For
a parent that they can write there is `Owned`: nothing on it is read, and its members are its
garbage-collected dependents.
"""

from dataclasses import dataclass

from manor.objectset.applyset import ID_LABEL, PART_OF, Scope, applyset_id, parent_annotations
from manor.objectset.kinds import CONFIG_MAP, NAMESPACE, SECRET, GroupKind, Object, group_of
from manor.objectset.references import Ref


@dataclass(frozen=True)
class Owned:
    """What a set may hold whose parent people write themselves: objects of these kinds, with these
    labels, in the parent's namespace."""

    kinds: frozenset[GroupKind]
    labels: tuple[tuple[str, str], ...]
    once: frozenset[GroupKind] = frozenset()
    """Kinds whose objects stay as they were made until they are made anew: what runs is not changed
    under people's hands."""


@dataclass(frozen=True)
class Inventory:
    """The name of an inventory: its parent object.

    A ConfigMap or Secret is made when it is missing. Another kind must exist or be among the
    objects applied, and, for kubectl to accept it, be a custom resource whose definition has the
    label applyset.kubernetes.io/is-parent-type.
    """

    name: str
    namespace: str = "manor-system"
    api_version: str = "v1"
    kind: str = "ConfigMap"
    owned: Owned | None = None
    """For a parent that is not to be believed, as people of its namespace can write it."""
    finalizer: str = ""
    """Held on the parent by whoever has work to do once it is deleted."""
    adopts: frozenset[Ref] = frozenset()
    """What others made for it, and is taken over unless it belongs to another inventory."""

    @classmethod
    def of(cls, parent: Object) -> "Inventory":
        """The inventory whose parent is the object `parent`, which is believed."""
        meta = parent["metadata"]
        return cls(meta["name"], meta.get("namespace") or "", parent["apiVersion"], parent["kind"])

    @property
    def id(self) -> str:
        """The ApplySet's ID, a function of the parent's name, namespace, kind and group."""
        return applyset_id(self.ref)

    @property
    def marks(self) -> dict[str, str]:
        """The labels of the members."""
        return dict(self.owned.labels) if self.owned else {PART_OF: self.id}

    @property
    def ref(self) -> Ref:
        """The name of the parent object."""
        return Ref(group_of(self.api_version), self.kind, self.namespace, self.name)

    @property
    def holders(self) -> tuple[Ref, ...]:
        """What the inventory is lost without: its namespace and the parent itself. They come first
        and go last."""
        return (*([Ref(*NAMESPACE, "", self.namespace)] if self.namespace else []), self.ref)

    @property
    def made_here(self) -> bool:
        """Whether the parent is nothing but an inventory, made and deleted with it."""
        return self.ref.group_kind in (CONFIG_MAP, SECRET)

    def marked_parent(self, scope: Scope) -> Object:
        """The parent's name and its marks alone: whose set it is, and where its members are."""
        place = {"namespace": self.namespace} if self.namespace else {}
        labels, annotations = {ID_LABEL: self.id}, parent_annotations(self.ref, scope)
        meta: Object = {"name": self.name, **place, "labels": labels, "annotations": annotations}
        if self.finalizer:
            meta["finalizers"] = [self.finalizer]
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": meta}

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.namespace}/{self.name}"
            if self.namespace
            else f"{self.kind} {self.name}"
        )
