"""The difference between what is and what would be: field by field, and as a unified diff like
kubectl's."""

import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from manor.apply.steps import Action, Step
from manor.kube import Object
from manor.objectset.kinds import SECRET

_SERVERS_OWN = frozenset(
    {"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}
)
_PULUMIS_OWN = "pulumi.com/"
"""Annotations that tell Pulumi's provider how to write an object, on what a Pulumi program made."""
_MISSING = object()


class Change(NamedTuple):
    """A field, as a path, and its values; None where there is none."""

    path: str
    before: Any
    after: Any


def changes(step: Step) -> list[Change]:
    """The fields that `step` changes; the values of Secrets are masked."""
    before, after = _sides(step)
    return list(_walk("", before, after))


def unified(step: Step) -> str:
    """The change of `step` as a unified diff of YAML, empty where nothing changes; Secrets are
    masked."""
    before, after = _sides(step)
    name = str(step.ref).replace(" ", "/")
    return "".join(
        difflib.unified_diff(_yaml(before), _yaml(after), f"live/{name}", f"wanted/{name}")
    )


def tidy(obj: Object | None) -> Object | None:
    """`obj` without bookkeeping: what the server writes, and Pulumi's annotations."""
    if obj is None:
        return None
    meta = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS_OWN}
    if "annotations" in meta:
        meta["annotations"] = {
            k: v for k, v in meta["annotations"].items() if not k.startswith(_PULUMIS_OWN)
        }
        if not meta["annotations"]:
            del meta["annotations"]
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}


def _sides(step: Step) -> tuple[Object | None, Object | None]:
    before, after = tidy(step.before), tidy(step.after)
    if step.action not in (Action.CREATE, Action.UPDATE, Action.PRUNE):
        return before, before
    if step.ref.group_kind == SECRET:
        return _masked(before, after)
    return before, after


def _masked(before: Object | None, after: Object | None) -> tuple[Object | None, Object | None]:
    sides = [None if obj is None else dict(obj) for obj in (before, after)]
    for field in ("data", "stringData"):
        values = [dict(side.get(field) or {}) if side else {} for side in sides]
        differing = {
            key
            for key in values[0].keys() | values[1].keys()
            if values[0].get(key) != values[1].get(key)
        }
        for side, value, when in zip(sides, values, ("before", "after"), strict=True):
            if side and value:
                side[field] = {key: f"*** ({when})" if key in differing else "***" for key in value}
    return sides[0], sides[1]


class _Dumper(yaml.SafeDumper):
    """Nothing by reference: of parts that an object shares, each stands where it belongs."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(obj: Object | None) -> list[str]:
    return (
        []
        if obj is None
        else yaml.dump(obj, Dumper=_Dumper, sort_keys=True).splitlines(keepends=True)
    )


def _walk(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _walk(f"{path}.{key}", before.get(key, _MISSING), after.get(key, _MISSING))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _walk(f"{path}[{index}]", old, new)
    elif before != after:
        yield Change(
            path or ".", *(None if value is _MISSING else value for value in (before, after))
        )
