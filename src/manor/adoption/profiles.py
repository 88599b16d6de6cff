"""Kubeflow's Profile: a namespace of its name, an owner, a quota, and contributors."""

from collections.abc import Iterator

from manor.adoption.budget import budget
from manor.adoption.notes import Matter, Note
from manor.adoption.people import people, who_is
from manor.adoption.places import Object, Place
from manor.adoption.remains import remains
from manor.api import Platform, Tenant


def profile_spec(place: Place, platform: Platform | None, prefix: str) -> tuple[Object, list[Note]]:
    """The spec of the Tenant that a Profile becomes, and what is lost; `prefix` is that of
    groups."""
    given, (space,) = place.spec, place.spaces
    bindings = space.of("RoleBinding")
    who, lost_people = people([given.get("owner") or {}], bindings, place.name, prefix)
    amounts, lost_amounts = budget(given.get("resourceQuotaSpec") or {}, platform)
    plugins = [
        Note(
            Matter.LEFT_OUT,
            f"plugin {plugin.get('kind')}: a cloud's identity; see the Platform's "
            f"tokenAudiences and an annotation on the service account",
        )
        for plugin in given.get("plugins") or ()
    ]
    # Nobody made namespaces beside a Profile's.
    return {**who, "maxNamespaces": 0, **amounts}, [*lost_people, *lost_amounts, *plugins]


def kubeflow_remains(
    place: Place, tenant: Tenant | None, platform: Platform | None, prefix: str
) -> Iterator[Note]:
    """What Kubeflow still does in the namespace of a Tenant that a Profile has become."""
    owners = tenant.subjects("owner") if tenant else []
    kind, name, namespace = who_is(place.spec.get("owner") or {})
    if (kind, name, namespace or None) not in [
        (each.kind, each.known_as(prefix), each.namespace) for each in owners
    ]:
        text = f"{kind} {name} owns the Profile and not the Tenant: Kubeflow's access management"
        yield Note(Matter.REMAINS, f"{text} lets them in; delete the Profile")
    (space,) = place.spaces
    bindings = [
        each for each in space.of("RoleBinding") if each["roleRef"]["name"].startswith("kubeflow-")
    ]
    yield from remains(space.namespace or {}, {"RoleBinding": bindings}, (), platform)
