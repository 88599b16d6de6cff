"""What is registered with Pulumi for a set of objects: names, order, protection. Decided here, without Pulumi.

Order within a namespace: the namespace; then the parameters of its policies, without which these refuse all else; then
what guards it (network policies, limits); then its quota, last of the guards, since the API server refuses everything
that a quota counts until its controller has counted once; then who is let in, volumes and workloads.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manor.api.wellknown import GUARDRAILS, LIMITS, POLICY_DEFAULT_DENY, QUOTA
from manor.infra.inventory import FOUNDATION, group, is_teams, marked, member
from manor.render import Object

FIELD_MANAGER = "manor"
"""The manager of every field, the same as `manor apply`'s, so that neither conflicts with the other, and what either
no longer wants goes away whoever wrote it last."""

FOUNDATION_MANAGER = "manor-applyset"
"""The manager of the foundation's inventory, as `manor apply` has it."""

_MANAGER = "pulumi.com/patchFieldManager"
_FORCE = "pulumi.com/patchForce"
_SKIP_AWAIT = "pulumi.com/skipAwait"
_WAIT_FOR = "pulumi.com/waitFor"
_PROPAGATION = "pulumi.com/deletionPropagationPolicy"

_GUARDS = frozenset({"LimitRange", "NetworkPolicy", "ServiceAccount"})
_SECRET_FIELDS = ("data", "stringData")
_QUOTA_TIMEOUT = "10m"
"""On a new cluster the quota controller counts kinds that came after it at its next full look, every 5 minutes."""

_SHIELDS = frozenset({GUARDRAILS, POLICY_DEFAULT_DENY, QUOTA, LIMITS})
"""What protects others from a namespace, in every namespace of a tenant. It stays where the namespace stays, since pods
may still run there, and somebody may still have a right there; all that Manor granted goes."""

_WORKLOADS = frozenset({"apps", "batch"})
"""Groups whose objects make pods, which must be gone when these are."""

_NEVER_AWAITED = frozenset({("batch", "Job"), ("", "PersistentVolumeClaim")})
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
    timeout: str | None = None
    """Longest wait for readiness, as Pulumi writes a duration."""
    owner: str | None = None
    """The registration whose object owns this one: it is deleted with it, by Kubernetes' garbage collector."""


def logical_name(component: str, obj: Object) -> str:
    """`<component>:<Kind>/[<namespace>/]<name>`.

    It begins with the component's name, so that an alias of the component renames all of it.
    """
    meta = obj["metadata"]
    place = f"{meta['namespace']}/" if "namespace" in meta else ""
    return f"{component}:{obj['kind']}/{place}{meta['name']}"


def type_token(obj: Object, *, patch: bool = False) -> str:
    """Pulumi's type of a Kubernetes object; a patch shares an object that others make or own a part of."""
    api_version = obj["apiVersion"] if "/" in obj["apiVersion"] else f"core/{obj['apiVersion']}"
    return f"kubernetes:{api_version}:{obj['kind']}{'Patch' if patch else ''}"


def _annotated(obj: Object, annotations: Mapping[str, str]) -> Object:
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), **annotations}}}


def _controls(obj: Object) -> dict[str, str]:
    """The annotations that tell Pulumi's provider how to write the object."""
    controls = {_MANAGER: FIELD_MANAGER}
    if group(obj) not in _WORKLOADS:
        # A right that is taken away ends at once; the provider's way would be when the garbage collector comes round.
        controls[_PROPAGATION] = "background"
    if (group(obj), obj["kind"]) in _NEVER_AWAITED:
        controls[_SKIP_AWAIT] = "true"
    if obj["kind"] == "ResourceQuota":
        # Until its controller has counted a resource, the API server refuses all that would use it.
        counted = [f"jsonpath={{.status.used['{resource}']}}" for resource in obj["spec"]["hard"]]
        controls[_WAIT_FOR] = json.dumps(counted)
    return controls


def _is_made_by_kubernetes(obj: Object) -> bool:
    return (obj["kind"], obj["metadata"]["name"]) == ("ServiceAccount", "default")


def _rank(obj: Object) -> int:
    """The place in a namespace's order; namespaces and what lies in none come first."""
    if "namespace" not in obj["metadata"]:
        return 0
    if obj["kind"] == "ConfigMap":
        return 1
    if obj["kind"] == "ResourceQuota":
        return 3
    return 2 if obj["kind"] in _GUARDS else 4


class _Layout:
    """The objects of one set seen by namespace: who waits for whom, what goes with what, what stays."""

    def __init__(self, component: str, parent: Object, objects: Sequence[Object], *, delete_data: bool) -> None:
        self._component = component
        self._parent = parent
        # What its team can write carries no marks: nobody would believe them.
        self._owner = logical_name(component, parent) if is_teams(parent) else None
        self._ranks: dict[tuple[str, int], tuple[str, ...]] = {}
        self._spaces: dict[str, str] = {}
        self._kept: set[str] = set()
        for obj in objects:
            name, space = logical_name(component, obj), obj["metadata"].get("namespace", "")
            if space:
                self._ranks[space, _rank(obj)] = (*self._ranks.get((space, _rank(obj)), ()), name)
            if obj["kind"] == "Namespace":
                self._spaces[obj["metadata"]["name"]] = name
            if obj["kind"] == "PersistentVolumeClaim" and not delete_data:
                self._kept |= {name, space}

    def registration(self, obj: Object, first: tuple[str, ...]) -> Registration:
        """`obj` as a resource; what waits for nothing in its namespace waits for `first`."""
        name, meta = logical_name(self._component, obj), obj["metadata"]
        space = meta.get("namespace", "")
        shield = space in self._kept and (meta["name"] in _SHIELDS or _is_made_by_kubernetes(obj))
        keep = name in self._kept or (obj["kind"] == "Namespace" and meta["name"] in self._kept)
        return Registration(
            name=name,
            type=type_token(obj, patch=_is_made_by_kubernetes(obj)),
            body=_annotated(obj if self._owner else member(obj, self._parent), _controls(obj)),
            after=self._after(obj, space) or first,
            # A namespace that stays must not hide that what lies in it goes.
            deleted_with=None if space in self._kept else self._spaces.get(space),
            protect=keep,
            retain=keep or shield or obj["kind"] == "CustomResourceDefinition",
            secret=tuple(field for field in _SECRET_FIELDS if obj["kind"] == "Secret" and field in obj),
            timeout=_QUOTA_TIMEOUT if obj["kind"] == "ResourceQuota" else None,
            owner=self._owner,
        )

    def _after(self, obj: Object, space: str) -> tuple[str, ...]:
        """The nearest earlier rank of the namespace that has anything; it waited for those before it."""
        for rank in range(_rank(obj) - 1, 0, -1):
            if found := self._ranks.get((space, rank)):
                return found
        return (self._spaces[space],) if space in self._spaces else ()


def registrations(
    component: str, parent: Object, objects: Sequence[Object], *, delete_data: bool = False
) -> list[Registration]:
    """The resources of one spec, each after those that it names: the spec itself, its marks, what it becomes.

    Volumes, and the namespaces that hold one, are kept unless `delete_data`; so is what shields others from these
    namespaces. Definitions of kinds are always left on
    the cluster, since every object of the kind would go with them, other people's too.
    """
    spec = Registration(logical_name(component, parent), type_token(parent), _annotated(parent, _controls(parent)))
    layout = _Layout(component, parent, objects, delete_data=delete_data)
    ordered = sorted(objects, key=_rank)
    if is_teams(parent):
        return [spec, *(layout.registration(obj, (spec.name,)) for obj in ordered)]
    # `manor apply` writes these marks too, under a manager of their own, and takes them over without asking.
    marks = Registration(
        name=f"{spec.name}:marks",
        type=type_token(parent, patch=True),
        body=_annotated(marked(parent, objects), {_FORCE: "true"}),
        after=(spec.name,),
    )
    return [spec, marks, *(layout.registration(obj, (marks.name,)) for obj in ordered)]


def foundation_registrations(component: str, objects: Sequence[Object]) -> list[Registration]:
    """The resources of what stands before any spec: the parent of this set lies in a namespace that is a member."""
    layout = _Layout(component, FOUNDATION, objects, delete_data=False)
    home, *rest = sorted(objects, key=lambda obj: (obj["kind"] != "Namespace", _rank(obj)))
    parent = Registration(
        name=logical_name(component, FOUNDATION),
        type=type_token(FOUNDATION),
        body=_annotated(marked(FOUNDATION, objects), {_MANAGER: FOUNDATION_MANAGER}),
        after=(logical_name(component, home),),
    )
    return [layout.registration(home, ()), parent, *(layout.registration(obj, (parent.name,)) for obj in rest)]
