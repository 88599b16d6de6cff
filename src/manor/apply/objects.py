"""The objects of a set: their names, their order, and what makes a list of them a set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from manor.apply.errors import InvalidObjects
from manor.apply.waves import wave_of
from manor.kube import Client, Object, UnknownKind

PART_OF = "applyset.kubernetes.io/part-of"


class Ref(NamedTuple):
    """The name of an object in the whole cluster, whatever the API version."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


@dataclass(frozen=True)
class Member:
    """A desired object with the inventory's label on it. `served` is false while its CRD is still to be installed."""

    ref: Ref
    wave: int
    desired: Object
    served: bool


def ref_of(obj: Object) -> Ref:
    """The name of `obj`."""
    meta = obj["metadata"]
    return Ref(group_of(obj["apiVersion"]), obj["kind"], meta.get("namespace") or "", meta["name"])


def group_of(api_version: str) -> str:
    """The API group: empty for the core group."""
    return api_version.rpartition("/")[0]


def is_namespace(ref: Ref) -> bool:
    """Whether the object is a Namespace."""
    return (ref.group, ref.kind) == ("", "Namespace")


async def members(client: Client, objects: Sequence[Object], marks: dict[str, str]) -> list[Member]:
    """`objects` as members of the inventory whose labels are `marks`, in the order of their waves.

    Raises InvalidObjects, naming every problem, and asks the server for nothing but its kinds.
    """
    problems = [f"{_told(obj)}: {what}" for obj in objects for what in _malformed(obj)]
    if problems:
        raise InvalidObjects(problems)
    coming = _kinds_of_crds(objects)
    found: dict[Ref, Member] = {}
    for obj in objects:
        ref = ref_of(obj)
        served = True
        try:
            namespaced = (await client.resource(obj["apiVersion"], obj["kind"])).namespaced
        except UnknownKind as error:
            served = False
            if (ref.group, ref.kind) not in coming:
                problems.append(f"{ref}: {error}")
                continue
            namespaced = coming[ref.group, ref.kind]
        if namespaced != bool(ref.namespace):
            problems.append(f"{ref}: {ref.kind} {'needs a' if namespaced else 'takes no'} metadata.namespace")
        if ref in found:
            problems.append(f"{ref}: given more than once")
        found[ref] = Member(ref, wave_of(ref.group, ref.kind, namespaced), _labelled(obj, marks), served)
    if problems:
        raise InvalidObjects(problems)
    return sorted(found.values(), key=lambda member: member.wave)


def _malformed(obj: Object) -> list[str]:
    missing = [field for field in ("apiVersion", "kind") if not obj.get(field)]
    if not (obj.get("metadata") or {}).get("name"):
        missing.append("metadata.name")
    return [f"{field} is missing" for field in missing]


def _told(obj: Object) -> str:
    return f"{obj.get('kind') or 'object'} {(obj.get('metadata') or {}).get('name') or 'without a name'}"


def _kinds_of_crds(objects: Iterable[Object]) -> dict[tuple[str, str], bool]:
    """Group and kind that the CRDs among `objects` define, and whether the kind is namespaced."""
    return {
        (obj["spec"]["group"], obj["spec"]["names"]["kind"]): obj["spec"]["scope"] == "Namespaced"
        for obj in objects
        if obj["kind"] == "CustomResourceDefinition"
    }


def _labelled(obj: Object, marks: dict[str, str]) -> Object:
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **marks}}}
