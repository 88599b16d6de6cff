"""What becomes of each place: a Tenant, and what whoever adopts must know beside it."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from manor.adoption.budget import overdrawn
from manor.adoption.capsule import capsule_spec
from manor.adoption.notes import Matter, Note
from manor.adoption.places import Adoption, Object, Origin, Place, set_aside
from manor.adoption.profiles import kubeflow_remains, profile_spec
from manor.adoption.remains import remains
from manor.adoption.spaces import spaces_spec
from manor.api import API_VERSION, Platform, Tenant
from manor.api.wellknown import TENANT_LABEL
from manor.load import Document, InvalidInput, Specs, specs_from

SPECS: Mapping[Origin, Callable[[Place, Platform | None, str], tuple[Object, list[Note]]]] = {
    Origin.PROFILE: profile_spec,
    Origin.CAPSULE: capsule_spec,
    Origin.NAMESPACE: spaces_spec,
}
"""What says the Tenant's spec, by where a place comes from."""


def adopted(places: Iterable[Place], known: Specs) -> list[Adoption]:
    """What becomes of each place, in the order of their names; `known` is what the cluster says
    already.

    A Tenant of the same name that stands is left as it is.
    """
    found = []
    claimed = Specs(known.platform, dict(known.tenants), tools=known.tools)
    claimed.namespaces = known.namespaces
    for place in sorted(places, key=lambda each: each.name):
        adoption = _adopted(place, claimed)
        if adoption.tenant is not None:
            claimed.take(adoption.tenant)
        found.append(adoption)
    return found


def _adopted(place: Place, known: Specs) -> Adoption:
    held = {space.name: space.labels.get(TENANT_LABEL) for space in place.spaces}
    if held and set(held.values()) == {place.name}:
        return Adoption(place.name, None, [*_standing(place, known)])
    if others := {name: by for name, by in held.items() if by and by != place.name}:
        reasons = [f"it is Tenant {by}'s namespace already" for by in others.values()]
        if len(held) > 1:
            reasons = [f"{name} is Tenant {by}'s already" for name, by in others.items()]
        return Adoption(place.name, None, set_aside(*reasons))
    spec, notes = SPECS[place.origin](place, known.platform, _prefix(known))
    value = {
        "apiVersion": API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": place.name},
        "spec": spec,
    }
    document = Document(value, f"{place.origin} {place.name}", {(): 0})
    alone = known.platform is None
    try:
        tenant = specs_from([document], known=known, alone=alone).tenants[place.name]
    except InvalidInput as error:
        reasons = [
            f"{problem.field}: {problem.message}" if problem.field else problem.message
            for problem in error.problems
        ]
        return Adoption(place.name, None, set_aside(*reasons))
    return Adoption(place.name, tenant, [*notes, *_told(place, tenant, known.platform)])


def _told(place: Place, tenant: Tenant, platform: Platform | None) -> Iterator[Note]:
    """What breaks and what remains in the namespaces."""
    pods = [pod for space in place.spaces for pod in space.of("Pod")]
    claims = [claim for space in place.spaces for claim in space.of("PersistentVolumeClaim")]
    yield from overdrawn(tenant, pods, claims, platform)
    for space in place.spaces:
        if space.namespace is None:
            continue
        for note in remains(space.namespace, space.objects, space.refused, platform):
            where = f"{space.name}: " if len(place.spaces) > 1 else ""
            yield Note(note.matter, f"{where}{note.text}")


def _standing(place: Place, known: Specs) -> Iterator[Note]:
    """What is told of a place that is the Tenant of its name already."""
    yield Note(Matter.DONE, "its Tenant is on the cluster")
    if place.origin is Origin.PROFILE:
        tenant = known.tenants.get(place.name)
        yield from kubeflow_remains(place, tenant, known.platform, _prefix(known))
    elif tenant := known.tenants.get(place.name):
        yield from _told(place, tenant, known.platform)


def _prefix(known: Specs) -> str:
    return known.platform.spec.identity.group_prefix if known.platform else ""
