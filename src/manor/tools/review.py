"""What a Tool may not say, beyond what its schema tells: objects that would give away more than a
tenant's place."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from manor.api.meta import Misplaced
from manor.api.tool import RawObject, Tool, ToolKind
from manor.objectset.kinds import group_of
from manor.tools.objects import WORDS, filled

Path = tuple[str | int, ...]

PLACED = frozenset(
    {
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("", "Service"),
        ("", "ServiceAccount"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("gateway.networking.k8s.io", "HTTPRoute"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("policy", "PodDisruptionBudget"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
    }
)
"""Kinds beside its own that a Tool may put into a tenant's namespace. Never a Secret: a file is no
place for one."""

NEVER_FOR_CONTROLLERS = frozenset(
    {
        *(
            "bindings",
            "nodes",
            "nodes/proxy",
            "pods/attach",
            "pods/binding",
            "pods/ephemeralcontainers",
            "pods/exec",
        ),
        *(
            "pods/portforward",
            "pods/proxy",
            "resourcequotas",
            "services/proxy",
            "serviceaccounts/token",
        ),
    }
)
"""What a controller needs in no tenant's namespace: ways into running pods and onto nodes, tokens,
the quota itself."""

NEVER_GRANTED = frozenset({"*", "bind", "escalate", "impersonate"})
"""Verbs that hand on rights, or mean all of them."""

_EXAMPLE = dict.fromkeys(WORDS, "x")


def objections(tool: Tool) -> Iterator[Misplaced]:
    """Everything that speaks against a Tool that its schema takes, each with its path in the
    object."""
    own = {(kind.group, kind.kind): kind for kind in tool.spec.kinds}
    for part, objects in (
        ("tenant", tool.spec.objects.tenant),
        ("namespace", tool.spec.objects.namespace),
    ):
        for index, raw in enumerate(objects):
            yield from _of_object(raw, part, own, ("spec", "objects", part, index))
    for name, value in tool.spec.env.items():
        if (lack := _unfilled(value)) is not None:
            yield Misplaced(lack, "spec", "env", name)
    yield from _controllers_rights(tool)
    for index, guardrail in enumerate(tool.spec.guardrails):
        for part, fixtures in (("admits", guardrail.admits), ("refuses", guardrail.refuses)):
            for at, raw in enumerate(fixtures):
                path: Path = ("spec", "guardrails", index, part, at)
                if (lack := _unwritten(raw)) is not None:
                    yield Misplaced(lack, *path)
                elif raw["kind"] not in guardrail.kinds:
                    yield Misplaced(f"the guardrail does not look at {raw['kind']}", *path, "kind")


def _controllers_rights(tool: Tool) -> Iterator[Misplaced]:
    for index, rule in enumerate(tool.spec.rights):
        for at, resource in enumerate(rule.resources):
            if resource in NEVER_FOR_CONTROLLERS:
                message = (
                    f"{resource} is nothing that a controller needs in a tenant's "
                    f"namespace; leave it out"
                )
                yield Misplaced(message, "spec", "rights", index, "resources", at)


def _of_object(
    raw: RawObject, part: str, own: Mapping[tuple[str, str], ToolKind], path: Path
) -> Iterator[Misplaced]:
    if (lack := _unwritten(raw)) is not None:
        yield Misplaced(lack, *path)
        return
    kind = (group_of(raw["apiVersion"]), raw["kind"])
    everywhere = kind in own and not own[kind].namespaced
    if kind not in own and kind not in PLACED:
        yield Misplaced(_not_placed(kind), *path, "kind")
    elif everywhere and part == "namespace":
        yield Misplaced(
            f"{kind[1]} lives in no namespace; move it to objects.tenant", *path, "kind"
        )
    elif everywhere and not re.search(r"\$(tenant\b|\{tenant\})", _name(raw)):
        message = f"every tenant would share {kind[1]} {_name(raw)}; write $tenant into its name"
        yield Misplaced(message, *path, "metadata", "name")
    if raw["metadata"].get("namespace", "$namespace") not in ("$namespace", "${namespace}"):
        message = (
            "a Tool's objects live in the tenant's namespaces alone; remove this, or write "
            "$namespace"
        )
        yield Misplaced(message, *path, "metadata", "namespace")
    yield from _rights(raw, path)


def _unwritten(raw: RawObject) -> str | None:
    """Why it is no object, or cannot be filled in."""
    if not all(isinstance(raw.get(field), str) for field in ("apiVersion", "kind")):
        return "not an object with apiVersion and kind"
    if not isinstance(raw.get("metadata"), dict) or not isinstance(
        raw["metadata"].get("name"), str
    ):
        return "an object needs metadata.name"
    return _unfilled(raw)


def _unfilled(value: Any) -> str | None:
    """Why its words cannot be filled in."""
    try:
        filled(value, _EXAMPLE)
    except (KeyError, ValueError) as error:
        return (
            f"cannot be filled in: {error}; there are ${', $'.join(WORDS)}, and $$ for the "
            f"sign itself"
        )
    return None


def _name(raw: RawObject) -> str:
    return str(raw["metadata"]["name"])


def _not_placed(kind: tuple[str, str]) -> str:
    if kind == ("", "Secret"):
        return "a Secret does not belong into a file; let the team, or a controller, make it"
    allowed = ", ".join(sorted(name for _, name in PLACED))
    return f"{kind[1]} is not for a Tool to make; beside its own kinds it may make: {allowed}"


def _rights(raw: RawObject, path: Path) -> Iterator[Misplaced]:
    """A Role that grants more than names; a RoleBinding to a role that this Tool does not bring."""
    rules: list[Any] = raw.get("rules") or [] if raw["kind"] == "Role" else []
    for index, rule in enumerate(rules):
        for field in ("verbs", "resources", "apiGroups"):
            for value in rule.get(field, []):
                if value == "*" or (field == "verbs" and value in NEVER_GRANTED):
                    message = (
                        f"{value!r} hands on rights that nobody wrote down; name what is needed"
                    )
                    yield Misplaced(message, *path, "rules", index, field)
    if raw["kind"] == "RoleBinding" and raw.get("roleRef", {}).get("kind") != "Role":
        yield Misplaced(
            "binds what is no Role of this Tool; bring a Role of its own", *path, "roleRef", "kind"
        )
