"""What is registered with Pulumi for a set of objects: names, order, protection. Decided here,
without Pulumi.

Order within a namespace: the namespace; then the parameters of its policies, without which these
refuse all else; then what guards it (network policies, limits); then its quota, last of the guards,
since the API server refuses everything that a quota counts until its controller has counted once;
then who is let in, volumes and workloads.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manor.api.wellknown import SYSTEM_NAMESPACE
from manor.limits import limits
from manor.objectset.applyset import FIELD_MANAGER, PARENT_FIELD_MANAGER, Scope, with_labels
from manor.objectset.inventory import Inventory
from manor.objectset.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    HTTP_ROUTE,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    RESOURCE_QUOTA,
    RUNS,
    SECRET,
    group_of,
    kind_of,
)
from manor.objectset.order import Wave, wave_of
from manor.objectset.protection import guards_namespace, holds_data, opens_network
from manor.objectset.references import is_default_account, ref_of
from manor.render import Object

FOUNDATION: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "manor", "namespace": SYSTEM_NAMESPACE},
}
"""The parent of what stands before any spec; every other set's parent is the spec itself."""

_MANAGER = "pulumi.com/patchFieldManager"
_FORCE = "pulumi.com/patchForce"
_SKIP_AWAIT = "pulumi.com/skipAwait"
_WAIT_FOR = "pulumi.com/waitFor"
_PROPAGATION = "pulumi.com/deletionPropagationPolicy"

_SECRET_FIELDS = ("data", "stringData")

_WORKLOADS = frozenset({"apps", "batch"})
"""Groups whose objects make pods, which must be gone when these are."""

_NEVER_AWAITED = RUNS | {PERSISTENT_VOLUME_CLAIM}
"""A training may run for days, and a volume may be bound only once a pod wants it."""


@dataclass(frozen=True)
class Registration:
    """One resource. `after` and `deleted_with` name other registrations of the same set."""

    name: str
    """Logical name: part of the URN, and so of the resource's identity."""
    type: str
    """Pulumi's type token."""
    body: Object
    """The Kubernetes object as it is sent."""
    after: tuple[str, ...] = ()
    deleted_with: str | None = None
    protect: bool = False
    """Pulumi refuses to delete it."""
    retain: bool = False
    """If it leaves the program, it is left on the cluster."""
    secret: tuple[str, ...] = ()
    """Fields that are secret in Pulumi's state."""
    ignore: tuple[str, ...] = ()
    """Fields that stay as they were made."""
    timeout: str | None = None
    """Longest wait for readiness, as Pulumi writes a duration."""
    owner: str | None = None
    """The registration whose object owns this one: it is deleted with it, by Kubernetes' garbage
    collector."""


def logical_name(component: str, obj: Object) -> str:
    """`<component>:<Kind>/[<namespace>/]<name>`.

    It begins with the component's name, so that an alias of the component renames all of it.
    """
    meta = obj["metadata"]
    place = f"{meta['namespace']}/" if "namespace" in meta else ""
    return f"{component}:{obj['kind']}/{place}{meta['name']}"


def type_token(obj: Object, *, patch: bool = False) -> str:
    """Pulumi's type of a Kubernetes object; a patch shares an object that others make or own a part
    of."""
    api_version = obj["apiVersion"] if "/" in obj["apiVersion"] else f"core/{obj['apiVersion']}"
    return f"kubernetes:{api_version}:{obj['kind']}{'Patch' if patch else ''}"


def _annotated(obj: Object, annotations: Mapping[str, str]) -> Object:
    meta = obj["metadata"]
    return {
        **obj,
        "metadata": {**meta, "annotations": {**meta.get("annotations", {}), **annotations}},
    }


def _controls(obj: Object) -> dict[str, str]:
    """The annotations that tell Pulumi's provider how to write the object."""
    controls = {_MANAGER: FIELD_MANAGER}
    if group_of(obj["apiVersion"]) not in _WORKLOADS:
        # A right that is taken away ends at once; the provider's way would be when the garbage
        # collector comes round.
        controls[_PROPAGATION] = "background"
    if kind_of(obj) in _NEVER_AWAITED:
        controls[_SKIP_AWAIT] = "true"
    if kind_of(obj) == RESOURCE_QUOTA:
        # Until its controller has counted a resource, the API server refuses all that would use it.
        counted = [f"jsonpath={{.status.used['{resource}']}}" for resource in obj["spec"]["hard"]]
        controls[_WAIT_FOR] = json.dumps(counted)
    return controls


def _is_teams(parent: Object) -> bool:
    """Whether people of a team write the spec: its set is what it owns, and has no marks. A set
    without a spec has a ConfigMap for its parent."""
    return parent["kind"] != FOUNDATION["kind"] and "namespace" in parent["metadata"]


def _rank(obj: Object) -> int:
    """The place in a namespace's order; namespaces and what lies in none come first.

    It is the order of the waves, but that a quota waits for the other guards, and that what comes
    after goes together: Pulumi waits for each resource, and a Service is ready only once pods
    answer behind it. Only then does a route lead there.
    """
    if "namespace" not in obj["metadata"]:
        return 0
    if kind_of(obj) == RESOURCE_QUOTA:
        return 3
    if kind_of(obj) == HTTP_ROUTE:
        return 5
    return {Wave.PARAMETERS: 1, Wave.GUARDS: 2}.get(wave_of(kind_of(obj), namespaced=True), 4)


def _marked(parent: Object, members: Sequence[Object]) -> Object:
    """The parent with nothing but the marks of its set, so that `manor` knows the set as its own
    and can go on with it.

    It finds a set's objects by a label, and where to look by annotations of the parent.
    """
    return Inventory.of(parent).marked_parent(Scope.of(map(ref_of, members)))


class _Layout:
    """The objects of one set seen by namespace: who waits for whom, what goes with what, what
    stays."""

    def __init__(
        self, component: str, parent: Object, objects: Sequence[Object], *, delete_data: bool
    ) -> None:
        self._component = component
        # What its team can write carries no marks: nobody would believe them.
        self._owner = logical_name(component, parent) if _is_teams(parent) else None
        self._marks = {} if self._owner else Inventory.of(parent).marks
        self._ranks: dict[tuple[str, int], tuple[str, ...]] = {}
        self._spaces: dict[str, str] = {}
        self._delete_data = delete_data
        self._kept_spaces: set[str] = set()
        for obj in objects:
            name, space = logical_name(component, obj), obj["metadata"].get("namespace", "")
            if space:
                self._ranks[space, _rank(obj)] = (*self._ranks.get((space, _rank(obj)), ()), name)
            if kind_of(obj) == NAMESPACE:
                self._spaces[obj["metadata"]["name"]] = name
            if self._is_kept_data(obj):
                self._kept_spaces.add(space)

    def registration(self, obj: Object, first: tuple[str, ...]) -> Registration:
        """`obj` as a resource; what waits for nothing in its namespace waits for `first`."""
        kind, meta = kind_of(obj), obj["metadata"]
        space = meta.get("namespace", "")
        keep = self._is_kept_data(obj) or (kind == NAMESPACE and meta["name"] in self._kept_spaces)
        return Registration(
            name=logical_name(self._component, obj),
            type=type_token(obj, patch=is_default_account(ref_of(obj))),
            body=_annotated(with_labels(obj, self._marks) if self._marks else obj, _controls(obj)),
            after=self._after(obj, space) or first,
            # A namespace that stays must not hide that what lies in it goes.
            deleted_with=None if space in self._kept_spaces else self._spaces.get(space),
            protect=keep,
            retain=keep or self._is_kept_guard(obj) or kind == CUSTOM_RESOURCE_DEFINITION,
            secret=tuple(field for field in _SECRET_FIELDS if kind == SECRET and field in obj),
            timeout=f"{limits().infra.quota / 60:g}m" if kind == RESOURCE_QUOTA else None,
            owner=self._owner,
        )

    def _is_kept_data(self, obj: Object) -> bool:
        return holds_data(kind_of(obj)) and not self._delete_data

    def _is_kept_guard(self, obj: Object) -> bool:
        """Whether `obj` stays with its namespace, whenever it leaves the program: so nothing that
        opens a network."""
        in_kept_space = obj["metadata"].get("namespace", "") in self._kept_spaces
        return in_kept_space and guards_namespace(kind_of(obj)) and not opens_network(obj)

    def _after(self, obj: Object, space: str) -> tuple[str, ...]:
        """The nearest earlier rank of the namespace that has anything; it waited for those before
        it."""
        for rank in range(_rank(obj) - 1, 0, -1):
            if found := self._ranks.get((space, rank)):
                return found
        return (self._spaces[space],) if space in self._spaces else ()


def registrations(
    component: str, parent: Object, objects: Sequence[Object], *, delete_data: bool = False
) -> list[Registration]:
    """The resources of one spec, each after those that it names: the spec itself, its marks, what
    it becomes.

    Volumes, and the namespaces that hold one, are kept unless `delete_data`; so is what guards
    these namespaces. Definitions of kinds are always left on the cluster, since every object of the
    kind would go with them, other people's too.
    """
    spec = Registration(
        logical_name(component, parent), type_token(parent), _annotated(parent, _controls(parent))
    )
    layout = _Layout(component, parent, objects, delete_data=delete_data)
    ordered = sorted(objects, key=_rank)
    if _is_teams(parent):
        return [spec, *(layout.registration(obj, (spec.name,)) for obj in ordered)]
    # `manor apply` writes these marks too, under a manager of their own, and takes them over
    # without asking.
    marks = Registration(
        name=f"{spec.name}:marks",
        type=type_token(parent, patch=True),
        body=_annotated(_marked(parent, objects), {_FORCE: "true"}),
        after=(spec.name,),
    )
    return [spec, marks, *(layout.registration(obj, (marks.name,)) for obj in ordered)]


def foundation_registrations(component: str, objects: Sequence[Object]) -> list[Registration]:
    """The resources of what stands before any spec."""
    return set_registrations(component, FOUNDATION, objects)


def set_registrations(
    component: str, parent: Object, objects: Sequence[Object]
) -> list[Registration]:
    """The resources of a set without a spec. Its parent, a ConfigMap, holds the set's marks alone;
    the namespace that it lies in comes before it, where that is a member."""
    layout = _Layout(component, parent, objects, delete_data=False)
    home = parent["metadata"]["namespace"]
    ordered = sorted(objects, key=_rank)
    before = [
        obj for obj in ordered if (kind_of(obj), obj["metadata"]["name"]) == (NAMESPACE, home)
    ]
    marks = Registration(
        name=logical_name(component, parent),
        type=type_token(parent),
        body=_annotated(_marked(parent, objects), {_MANAGER: PARENT_FIELD_MANAGER}),
        after=tuple(logical_name(component, obj) for obj in before),
    )
    return [
        *(layout.registration(obj, ()) for obj in before),
        marks,
        *(layout.registration(obj, (marks.name,)) for obj in ordered if obj not in before),
    ]
