"""Server-side apply on plain objects, as the API server does it; without a schema, every list is
one value."""

import copy
import json
from typing import Any

from manor.kube import Object
from manor.kube.errors import ApiError, api_error

Path = tuple[str, ...]
_NOBODYS = {
    ("apiVersion",),
    ("kind",),
    *(("metadata", name) for name in ("name", "namespace", "uid", "resourceVersion")),
}


def apply_fields(live: Object, wanted: Object, manager: str, *, force: bool) -> Object:
    """What `live` becomes. A field of another manager with another value is a conflict, or, with
    `force`, ours."""
    managers = {
        entry["manager"]: _paths(entry["fieldsV1"])
        for entry in live["metadata"].get("managedFields", ())
    }
    leaves = {path: value for path, value in _leaves(wanted).items() if path not in _NOBODYS}
    owners = {
        (other, path)
        for other, paths in managers.items()
        for path in paths & leaves.keys()
        if other != manager and _at(live, path) != leaves[path]
    }
    if owners and not force:
        raise _conflict(owners)
    for other, path in owners:
        managers[other].discard(path)
    dropped = managers.get(manager, set()) - leaves.keys()
    managers[manager] = set(leaves)
    made = copy.deepcopy(live)
    for path in dropped - set().union(*managers.values()):
        _remove(made, path)
    for path, value in leaves.items():
        _set(made, path, copy.deepcopy(value))
    made["metadata"]["managedFields"] = [
        {
            "manager": name,
            "operation": "Apply",
            "apiVersion": wanted["apiVersion"],
            "fieldsType": "FieldsV1",
            "fieldsV1": _fields(paths),
        }
        for name, paths in sorted(managers.items())
        if paths
    ]
    return made


def refusal(status: int, reason: str, message: str, **details: Any) -> ApiError:
    """An error as the API server answers it."""
    told = {
        "kind": "Status",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "details": details,
    }
    return api_error(status, json.dumps(told))


def _conflict(owners: set[tuple[str, Path]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{owner}" using v1',
            "field": f".{'.'.join(path)}",
        }
        for owner, path in sorted(owners)
    ]
    return refusal(409, "Conflict", f"Apply failed with {len(causes)} conflicts", causes=causes)


def _leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    if isinstance(value, dict) and value:
        return {
            leaf: at
            for key, part in value.items()
            for leaf, at in _leaves(part, (*path, key)).items()
        }
    return {path: value}


def _paths(fields: Object, path: Path = ()) -> set[Path]:
    if not fields:
        return {path}
    return set().union(
        *(_paths(part, (*path, key.removeprefix("f:"))) for key, part in fields.items())
    )


def _fields(paths: set[Path]) -> Object:
    made: Object = {}
    for path in sorted(paths):
        at = made
        for key in path:
            at = at.setdefault(f"f:{key}", {})
    return made


def _at(obj: Any, path: Path) -> Any:
    for key in path:
        obj = obj.get(key) if isinstance(obj, dict) else None
    return obj


def _set(obj: Object, path: Path, value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(obj.get(key), dict):
            obj[key] = {}
        obj = obj[key]
    obj[path[-1]] = value


def _remove(obj: Object, path: Path) -> None:
    """The field, and what is empty without it."""
    above = [obj]
    for key in path[:-1]:
        above.append(above[-1].get(key, {}))
    for part, key in zip(reversed(above), reversed(path), strict=True):
        part.pop(key, None)
        if part:
            break
