"""References: the name of an object in the whole cluster."""

from typing import NamedTuple

from manor.objectset.kinds import NAMESPACE, SERVICE_ACCOUNT, GroupKind, Object, kind_of


class Ref(NamedTuple):
    """The name of an object in the whole cluster, whatever the API version."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        """The group and kind of the object."""
        return self.group, self.kind

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


def ref_of(obj: Object) -> Ref:
    """The name of `obj`."""
    meta = obj["metadata"]
    return Ref(*kind_of(obj), meta.get("namespace") or "", meta["name"])


def controller_of(obj: Object) -> Object | None:
    """The reference to what controls `obj`, as it says; None where nothing does."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def is_namespace(ref: Ref) -> bool:
    """Whether the object is a Namespace."""
    return ref.group_kind == NAMESPACE


def is_default_account(ref: Ref) -> bool:
    """Whether the object is the ServiceAccount that Kubernetes itself makes in every namespace."""
    return ref.group_kind == SERVICE_ACCOUNT and ref.name == "default"
