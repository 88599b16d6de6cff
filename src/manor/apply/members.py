"""The members of a set: desired objects that can be applied as one, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass

from manor.apply.errors import InvalidObjects
from manor.kube import Client, Object, UnknownKind
from manor.objectset.applyset import with_labels
from manor.objectset.kinds import defined_kinds
from manor.objectset.order import Wave, wave_of
from manor.objectset.references import Ref, ref_of


@dataclass(frozen=True)
class Member:
    """A desired object with the inventory's label on it. `served` is false while its CRD is still
    to be installed; `once` says that it stays as it was made."""

    ref: Ref
    wave: Wave
    desired: Object
    served: bool
    once: bool = False


async def members(client: Client, objects: Sequence[Object], marks: dict[str, str]) -> list[Member]:
    """`objects` as members of the inventory whose labels are `marks`, in the order of their waves.

    Raises InvalidObjects, naming every problem, and asks the server for nothing but its kinds.
    """
    problems = [f"{_told(obj)}: {what}" for obj in objects for what in _malformed(obj)]
    if problems:
        raise InvalidObjects(problems)
    coming = defined_kinds(objects)
    found: dict[Ref, Member] = {}
    for obj in objects:
        ref = ref_of(obj)
        served = True
        try:
            namespaced = (await client.resource(obj["apiVersion"], obj["kind"])).namespaced
        except UnknownKind as error:
            served = False
            if ref.group_kind not in coming:
                problems.append(f"{ref}: {error}")
                continue
            namespaced = coming[ref.group_kind]
        if namespaced != bool(ref.namespace):
            problems.append(
                f"{ref}: {ref.kind} {'needs a' if namespaced else 'takes no'} metadata.namespace"
            )
        if ref in found:
            problems.append(f"{ref}: given more than once")
        found[ref] = Member(
            ref, wave_of(ref.group_kind, namespaced=namespaced), with_labels(obj, marks), served
        )
    if problems:
        raise InvalidObjects(problems)
    return sorted(found.values(), key=lambda member: member.wave)


def _malformed(obj: Object) -> list[str]:
    missing = [field for field in ("apiVersion", "kind") if not obj.get(field)]
    if not (obj.get("metadata") or {}).get("name"):
        missing.append("metadata.name")
    return [f"{field} is missing" for field in missing]


def _told(obj: Object) -> str:
    return (
        f"{obj.get('kind') or 'object'} "
        f"{(obj.get('metadata') or {}).get('name') or 'without a name'}"
    )
