"""Namespaces that people made: those who have Kubernetes' own roles there, and the quotas."""

from manor.adoption.budget import added, budget, together
from manor.adoption.notes import Note
from manor.adoption.people import people, shared
from manor.adoption.places import Object, Place
from manor.api import Platform


def spaces_spec(place: Place, platform: Platform | None, prefix: str) -> tuple[Object, list[Note]]:
    """The spec of the Tenant that namespaces become, and what is lost."""
    names = [space.name for space in place.spaces]
    bindings, lost = shared([space.of("RoleBinding") for space in place.spaces])
    own = names[0] if len(names) == 1 else ""
    who, lost_people = people(place.given.get("owners") or [], bindings, own, prefix)
    hards = [
        together((quota.get("spec") or {}).get("hard") or {} for quota in space.of("ResourceQuota"))
        for space in place.spaces
    ]
    amounts, lost_amounts = budget({"hard": added(hards)}, platform)
    named: Object = {} if names == [place.name] else {"namespaces": [{"name": n} for n in names]}
    return {**who, **named, "maxNamespaces": 0, **amounts}, [*lost, *lost_people, *lost_amounts]
