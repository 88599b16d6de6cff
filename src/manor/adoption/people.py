"""Who is in a Profile: its owner, and those whom RoleBindings in its namespace name."""

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
    owner: Object, bindings: Sequence[Object], namespace: str, group_prefix: str
) -> tuple[Object, list[Note]]:
    """The parts `owners` and `members` of a Tenant's spec, and what is lost.

    Kubeflow's access management writes a binding for each contributor, and its administrators
    write more by hand, for groups above all: each is taken by the role that it grants.
    """
    notes: list[Note] = []
    members: dict[Who, Role] = {}
    first = who_is(owner)
    for binding in sorted(bindings, key=lambda each: str(each["metadata"]["name"])):
        role = _role(binding)
        for who in map(who_is, binding.get("subjects") or ()):
            reason = _why_not(who, role, binding, namespace, group_prefix)
            if reason is not None:
                notes.append(Note(Matter.LEFT_OUT, reason))
            elif role is not None and who != first:
                members[who] = min(role, members.get(who, role), key=ROLES.index)
    listed = [
        {**_subject(who, group_prefix), "role": role} for who, role in sorted(members.items())
    ]
    parts: Object = {"owners": [_subject(first, group_prefix)]}
    return parts | ({"members": listed} if listed else {}), notes


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
