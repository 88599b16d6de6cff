"""Who is in a place: its owners, and those whom RoleBindings in its namespaces name."""

from collections.abc import Sequence
from typing import Any

from manor.adoption.notes import Matter, Note
from manor.api.subjects import ROLES, Role

Object = dict[str, Any]
Who = tuple[str, str, str]
"""Kind, name, and the namespace of a service account."""

BY_CLUSTER_ROLE: dict[str, Role] = {"admin": "owner", "edit": "editor", "view": "viewer"}
"""The roles of Kubeflow (`kubeflow-edit`) and of Kubernetes (`edit`), as a Tenant's."""


def people(
    owners: Sequence[Object], bindings: Sequence[Object], namespace: str, group_prefix: str
) -> tuple[Object, list[Note]]:
    """The parts `owners` and `members` of a Tenant's spec, and what is lost.

    Kubeflow's access management writes a binding for each contributor, and its administrators
    write more by hand, for groups above all: each is taken by the role that it grants. Where no
    owner is named, whoever is bound as one is.
    """
    notes: list[Note] = []
    members: dict[Who, Role] = {}
    named = [who_is(owner) for owner in owners]
    for binding in sorted(bindings, key=lambda each: str(each["metadata"]["name"])):
        role = _role(binding)
        for who in map(who_is, binding.get("subjects") or ()):
            reason = _why_not(who, role, binding, namespace, group_prefix)
            if reason is not None:
                notes.append(Note(Matter.LEFT_OUT, reason))
            elif role is not None and who not in named:
                members[who] = min(role, members.get(who, role), key=ROLES.index)
    if not named:
        named = [who for who, role in sorted(members.items()) if role == "owner"]
    listed = [
        {**_subject(who, group_prefix), "role": role}
        for who, role in sorted(members.items())
        if who not in named
    ]
    parts: Object = {"owners": [_subject(who, group_prefix) for who in named]}
    return parts | ({"members": listed} if listed else {}), notes


def shared(spaces: Sequence[Sequence[Object]]) -> tuple[list[Object], list[Note]]:
    """The bindings of several namespaces, each with the subjects that it has in all of them, and
    whom that leaves out: whoever is let into one namespace alone is no member of all."""
    everywhere, notes = [], []
    for number, bindings in enumerate(spaces):
        others = [each for index, each in enumerate(spaces) if index != number]
        for binding in bindings:
            role, subjects = binding["roleRef"], binding.get("subjects") or []
            common = [
                subject
                for subject in subjects
                if all(_grants(each, role, subject) for each in others)
            ]
            if number == 0 and common:
                everywhere.append({**binding, "subjects": common})
            notes += [
                Note(Matter.LEFT_OUT, _alone(binding, subject))
                for subject in subjects
                if subject not in common
            ]
    return everywhere, notes


def _alone(binding: Object, subject: Object) -> str:
    kind, name, _ = who_is(subject)
    meta, role = binding["metadata"], binding["roleRef"]["name"]
    return (
        f"{role} of {kind} {name} in namespace {meta.get('namespace')} alone (RoleBinding "
        f"{meta['name']}): a member is one in all of them"
    )


def _grants(bindings: Sequence[Object], role: Object, subject: Object) -> bool:
    return any(
        other["roleRef"]["name"] == role["name"]
        and who_is(subject) in map(who_is, other.get("subjects") or ())
        for other in bindings
    )


def who_is(subject: Object) -> Who:
    """Whom a subject of RBAC's means."""
    return subject.get("kind", "User"), subject.get("name", ""), subject.get("namespace", "")


def _subject(who: Who, group_prefix: str) -> Object:
    kind, name, namespace = who
    name = name.removeprefix(group_prefix) if kind == "Group" else name
    parts = {"kind": kind, "name": name, "namespace": namespace}
    return {
        key: value for key, value in parts.items() if value and (key, value) != ("kind", "User")
    }


def _role(binding: Object) -> Role | None:
    ref = binding["roleRef"]
    if ref["kind"] != "ClusterRole":
        return None
    return BY_CLUSTER_ROLE.get(ref["name"].removeprefix("kubeflow-"))


def _why_not(
    who: Who, role: Role | None, binding: Object, namespace: str, group_prefix: str
) -> str | None:
    """Why a subject becomes no member; None where it does."""
    kind, name, place = who
    granted = f"{binding['roleRef']['kind']} {binding['roleRef']['name']}"
    told = f"{granted} of {kind} {name} (RoleBinding {binding['metadata']['name']})"
    if kind == "ServiceAccount" and place == namespace:
        return (
            f"{told}: pods that ask the API server as it need a RoleBinding of an owner's, "
            f"and network.apiServer"
        )
    if role is None:
        return f"{told}: none of a Tenant's roles"
    if kind != "ServiceAccount" and name.startswith("system:"):
        return f"{told}: one of Kubernetes' own identities"
    if kind == "Group" and not name.startswith(group_prefix):
        return (
            f"{told}: the Platform's identity.groupPrefix is {group_prefix!r}, and it has another"
        )
    return None
