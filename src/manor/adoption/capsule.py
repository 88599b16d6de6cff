"""Capsule's Tenant: owners, the namespaces that they made, quotas over all or for each of them, and
lists of what is allowed."""

from collections.abc import Mapping, Sequence

from manor.adoption.budget import budget, times, together
from manor.adoption.notes import Matter, Note
from manor.adoption.people import people, shared
from manor.adoption.places import Object, Place
from manor.api import Platform

LABEL = "capsule.clastix.io/tenant"
"""On each of its namespaces: the Tenant's name."""
OWN = "capsule.clastix.io/"
"""Prefix of the labels of what Capsule makes in them."""
ACCOUNT = "system:serviceaccount:"
LISTS: Mapping[str, tuple[str, ...]] = {
    "registries": ("containerRegistries",),
    "storageClasses": ("storageClasses",),
    "priorityClasses": ("priorityClasses",),
    "runtimeClasses": ("runtimeClasses",),
    "hosts": ("ingressOptions", "allowedHostnames"),
}
"""The fields of a Tenant that list what is allowed, each with where Capsule's has it."""
CARRIED = ("owners", "additionalRoleBindings", "namespaceOptions", "resourceQuotas")
INSTEAD = {
    "networkPolicies": "Manor's own hold; see network",
    "limitRanges": "Manor's own hold; see the Platform's containerDefaults",
    "nodeSelector": "name a node pool of the Platform with these labels in nodePools",
    "ingressOptions": "of Ingresses the host names alone",
}
"""What is said of fields that a Tenant has in another form."""


def capsule_spec(place: Place, platform: Platform | None, prefix: str) -> tuple[Object, list[Note]]:
    """The spec of the Tenant that Capsule's becomes, and what is lost."""
    given, names = place.spec, [space.name for space in place.spaces]
    bindings, lost = shared(
        [[each for each in s.of("RoleBinding") if not _own(each)] for s in place.spaces]
    )
    bindings += [_as_binding(each) for each in given.get("additionalRoleBindings") or ()]
    owners = [_owner(each) for each in given.get("owners") or ()]
    who, lost_people = people(owners, bindings, "", prefix)
    amounts, lost_amounts = _budget(given.get("resourceQuotas") or {}, len(names), platform)
    spaces, lost_spaces = _spaces(place.name, names, given.get("namespaceOptions") or {})
    lists, lost_lists = _lists(given)
    notes = [*lost, *lost_people, *lost_amounts, *lost_spaces, *lost_lists, *_left_out(given)]
    return {**who, **spaces, **amounts, **lists}, notes


def _own(obj: Object) -> bool:
    return any(key.startswith(OWN) for key in obj["metadata"].get("labels") or {})


def _owner(owner: Object) -> Object:
    kind, name = owner.get("kind", "User"), str(owner.get("name", ""))
    if kind == "ServiceAccount" and name.startswith(ACCOUNT):
        namespace, _, name = name.removeprefix(ACCOUNT).partition(":")
        return {"kind": kind, "name": name, "namespace": namespace}
    return {"kind": kind, "name": name}


def _as_binding(extra: Object) -> Object:
    role = extra.get("clusterRoleName", "")
    return {
        "metadata": {"name": f"additionalRoleBindings {role}"},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": extra.get("subjects") or [],
    }


def _budget(given: Object, count: int, platform: Platform | None) -> tuple[Object, list[Note]]:
    hard = together(each.get("hard") or {} for each in given.get("items") or ())
    notes = []
    if hard and given.get("scope") == "Namespace" and count > 1:
        hard = times(hard, count)
        text = f"a quota for each namespace: the budget is {count} of them, over all together"
        notes.append(Note(Matter.LEFT_OUT, text))
    scopes = {
        name: True
        for each in given.get("items") or ()
        for name in ("scopes", "scopeSelector")
        if each.get(name)
    }
    amounts, lost = budget({"hard": hard, **scopes}, platform)
    return amounts, [*notes, *lost]


def _spaces(tenant: str, names: Sequence[str], options: Object) -> tuple[Object, list[Note]]:
    spec: Object = {} if names in ([], [tenant]) else {"namespaces": [{"name": n} for n in names]}
    if options.get("quota") is None:
        text = "no limit of namespaces: Manor's own holds (maxNamespaces: 5)"
        return spec, [Note(Matter.LEFT_OUT, text)]
    return {**spec, "maxNamespaces": max(0, int(options["quota"]) - len(names))}, []


def _lists(given: Object) -> tuple[Object, list[Note]]:
    lists: Object = {}
    notes = []
    for field, path in LISTS.items():
        said = given
        for key in path:
            said = said.get(key) or {}
        if allowed := said.get("allowed"):
            lists[field] = list(dict.fromkeys(allowed))
        for other in sorted(set(said) - {"allowed", "default"}):
            text = f"{'.'.join(path)}.{other}: a Tenant lists what is allowed ({field})"
            notes.append(Note(Matter.LEFT_OUT, text))
    return lists, notes


def _left_out(given: Object) -> list[Note]:
    listed = {path[0] for path in LISTS.values() if len(path) == 1}
    lost = [
        key for key, value in given.items() if value and key not in CARRIED and key not in listed
    ]
    return [
        Note(Matter.LEFT_OUT, f"{key}: {INSTEAD.get(key, 'a Tenant has no field for it')}")
        for key in sorted(lost)
    ]
