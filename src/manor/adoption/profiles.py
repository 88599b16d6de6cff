"""Kubeflow's Profiles as Tenants.

A Profile is a namespace of its name, an owner, a quota, and contributors. What a Tenant has no
field for is told, and so is what stays in the namespace or will not work there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from manor.adoption.budget import budget, overdrawn
from manor.adoption.notes import Matter, Note
from manor.adoption.people import people, who_is
from manor.adoption.remains import remains
from manor.api import API_VERSION, Tenant
from manor.api.wellknown import TENANT_LABEL
from manor.load import Document, InvalidInput, Specs, specs_from

Object = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A Profile and what stands in its namespace."""

    profile: Object
    namespace: Object | None = None
    objects: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    """By their kind."""
    refused: Sequence[str] = ()
    """What Pod Security says of its pods, a line each."""

    @property
    def name(self) -> str:
        """The Profile's name, which is the namespace's."""
        return str(self.profile["metadata"]["name"])


@dataclass(frozen=True)
class Adoption:
    """What becomes of a Profile: a Tenant, or none where a note says why."""

    name: str
    tenant: Tenant | None
    notes: Sequence[Note]


def adopted(places: Iterable[Place], known: Specs) -> list[Adoption]:
    """What becomes of each Profile, in the order of their names; `known` is what the cluster says
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
    holder = ((place.namespace or {}).get("metadata", {}).get("labels") or {}).get(TENANT_LABEL)
    if holder == place.name:
        return Adoption(place.name, None, [*_standing(place, known)])
    if holder:
        return Adoption(place.name, None, _set_aside(f"it is Tenant {holder}'s namespace already"))
    value, notes = _spec(place, known)
    document = Document(value, f"Profile {place.name}", {(): 0})
    alone = known.platform is None
    try:
        tenant = specs_from([document], known=known, alone=alone).tenants[place.name]
    except InvalidInput as error:
        reasons = [
            f"{problem.field}: {problem.message}" if problem.field else problem.message
            for problem in error.problems
        ]
        return Adoption(place.name, None, _set_aside(*reasons))
    pods, claims = (place.objects.get(kind, ()) for kind in ("Pod", "PersistentVolumeClaim"))
    notes += overdrawn(tenant, pods, claims, known.platform)
    if place.namespace is not None:
        notes += remains(place.namespace, place.objects, place.refused, known.platform)
    return Adoption(place.name, tenant, notes)


def _standing(place: Place, known: Specs) -> Iterator[Note]:
    """What is told of a Profile whose namespace is the Tenant's of its name."""
    yield Note(Matter.DONE, "its Tenant is on the cluster")
    tenant, prefix = known.tenants.get(place.name), _prefix(known)
    owners = tenant.subjects("owner") if tenant else []
    kind, name, namespace = who_is((place.profile.get("spec") or {}).get("owner") or {})
    if (kind, name, namespace or None) not in [
        (each.kind, each.known_as(prefix), each.namespace) for each in owners
    ]:
        text = f"{kind} {name} owns the Profile and not the Tenant: Kubeflow's access management"
        yield Note(Matter.REMAINS, f"{text} lets them in; delete the Profile")
    bindings = [
        each
        for each in place.objects.get("RoleBinding", ())
        if each["roleRef"]["name"].startswith("kubeflow-")
    ]
    yield from remains(place.namespace or {}, {"RoleBinding": bindings}, (), known.platform)


def _prefix(known: Specs) -> str:
    return known.platform.spec.identity.group_prefix if known.platform else ""


def _set_aside(*reasons: str) -> list[Note]:
    return [Note(Matter.SET_ASIDE, reason) for reason in reasons]


def _spec(place: Place, known: Specs) -> tuple[Object, list[Note]]:
    given = place.profile.get("spec") or {}
    bindings = place.objects.get("RoleBinding", ())
    who, lost_people = people(given.get("owner") or {}, bindings, place.name, _prefix(known))
    amounts, lost_amounts = budget(given.get("resourceQuotaSpec") or {}, known.platform)
    plugins = [
        Note(
            Matter.LEFT_OUT,
            f"plugin {plugin.get('kind')}: a cloud's identity; see the Platform's "
            f"tokenAudiences and an annotation on the service account",
        )
        for plugin in given.get("plugins") or ()
    ]
    # Nobody made namespaces beside a Profile's.
    spec = {**who, "maxNamespaces": 0, **amounts}
    value = {
        "apiVersion": API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": place.name},
        "spec": spec,
    }
    return value, [*lost_people, *lost_amounts, *plugins]
