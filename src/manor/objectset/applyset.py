"""The marks of an ApplySet, in the format of Kubernetes enhancement 3659, so that other tooling can
read them.

A parent object carries the set's ID, the tooling, the kinds of the members and their namespaces;
each member carries a label with the ID.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from manor import __version__
from manor.objectset.kinds import GroupKind, Object
from manor.objectset.references import Ref, is_namespace

PART_OF = "applyset.kubernetes.io/part-of"
"""The label of a member: the ID of its set."""
ID_LABEL = "applyset.kubernetes.io/id"
"""The label of a parent: the ID of its set."""
TOOLING = "applyset.kubernetes.io/tooling"
GROUP_KINDS = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"

TOOL = "manor"

FIELD_MANAGER = "manor"
"""The field manager of every member, whichever way it is applied: no way conflicts with another,
and what one of them no longer wants goes away whoever wrote it last."""
PARENT_FIELD_MANAGER = "manor-applyset"
"""Not the manager of the members: a parent may be a member, or a custom resource with fields of its
own."""


@dataclass(frozen=True)
class Scope:
    """Where members may be: their kinds, and their namespaces."""

    group_kinds: frozenset[GroupKind] = frozenset()
    namespaces: frozenset[str] = frozenset()

    def __or__(self, other: "Scope") -> "Scope":
        return Scope(self.group_kinds | other.group_kinds, self.namespaces | other.namespaces)

    @classmethod
    def of(cls, refs: Iterable[Ref]) -> "Scope":
        """The scope of the objects `refs`: a Namespace among them is in it by its name."""
        refs = list(refs)
        return cls(
            frozenset(ref.group_kind for ref in refs),
            frozenset(ref.name if is_namespace(ref) else ref.namespace for ref in refs) - {""},
        )

    @classmethod
    def parse(cls, annotations: Mapping[str, str]) -> "Scope":
        """The scope that the annotations of a parent name, less the parent's own namespace."""
        kinds = (
            entry.partition(".") for entry in annotations.get(GROUP_KINDS, "").split(",") if entry
        )
        namespaces = frozenset(
            namespace for namespace in annotations.get(NAMESPACES, "").split(",") if namespace
        )
        return cls(frozenset((group, kind) for kind, _, group in kinds), namespaces)


def applyset_id(parent: Ref) -> str:
    """The ID of the set with this parent."""
    parts = (parent.name, parent.namespace, parent.kind, parent.group)
    digest = base64.urlsafe_b64encode(hashlib.sha256(".".join(parts).encode()).digest())
    return f"applyset-{digest.rstrip(b'=').decode()}-v1"


def parent_annotations(parent: Ref, scope: Scope) -> dict[str, str]:
    """The annotations of the parent of a set whose members are in `scope`."""
    return {
        TOOLING: f"{TOOL}/v{__version__}",
        GROUP_KINDS: ",".join(
            sorted(f"{kind}.{group}" if group else kind for group, kind in scope.group_kinds)
        ),
        NAMESPACES: ",".join(sorted(scope.namespaces - {parent.namespace})),
    }


def with_labels(obj: Object, labels: Mapping[str, str]) -> Object:
    """`obj` with `labels` beside its own, such as those that make it a member."""
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **labels}}}
