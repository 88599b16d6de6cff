"""Whether a live object is already what we want, told from its managedFields, with no request.

The server notes which fields a manager applied, in the form FieldsV1 (structured-merge-diff):
`f:name` for a field, `k:{…}` for an item of a keyed list, `v:…` for an item of a set, `{}` for a
leaf or an atomic value. When the fields noted for us are exactly those that we want, with the
values that we want, applying again would change nothing. Server-side defaults inside an atomic
value and quantities in another spelling look like a change here: a false answer means "ask the
server", never "it differs".
"""

import json
from collections.abc import Callable
from typing import Any

from manor.kube import Object
from manor.objectset.applyset import FIELD_MANAGER

_NAMES = frozenset({"name", "namespace"})
_Same = Callable[[Any, Any], bool]


def is_applied(desired: Object, live: Object, *, defaults: bool = False) -> bool:
    """True when `live` is for certain what applying `desired` would make of it; with `defaults`,
    when it may be: what an atomic value has beside what is wanted is taken for the server's."""
    entry = _entry(live)
    if entry is None or entry["apiVersion"] != desired["apiVersion"]:
        return False
    wanted = {
        key: value
        for key, value in desired.items()
        if key not in ("apiVersion", "kind", "metadata")
    }
    # Of an object with a name and no more, nothing of the metadata is noted.
    if metadata := {key: value for key, value in desired["metadata"].items() if key not in _NAMES}:
        wanted["metadata"] = metadata
    return _same(wanted, live, entry["fieldsV1"], _covered if defaults else _equal)


def wrote(live: Object, label: str | None = None) -> bool:
    """Whether our field manager has a field of `live`, or this label of it: what somebody else sets
    is theirs."""
    entry = _entry(live)
    if entry is None or label is None:
        return entry is not None
    labels: Object = entry["fieldsV1"].get("f:metadata", {}).get("f:labels", {})
    return f"f:{label}" in labels


def unwritten(live: Object, field: str) -> Object:
    """What stands in the mapping `field` of `live` and is not by our field manager: the server's
    defaults, and what somebody else sets. Applying leaves it."""
    entry = _entry(live)
    ours = entry["fieldsV1"].get(f"f:{field}", {}) if entry else {}
    return {key: value for key, value in live[field].items() if f"f:{key}" not in ours}


def _entry(live: Object) -> Object | None:
    return next(
        (entry for entry in live["metadata"].get("managedFields", ()) if _is_ours(entry)), None
    )


def _is_ours(entry: Object) -> bool:
    return bool(
        entry.get("manager") == FIELD_MANAGER
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
    )


def _same(desired: Any, live: Any, fields: dict[str, Any], same: _Same) -> bool:
    if not fields:
        return same(desired, live)
    if isinstance(desired, dict) and isinstance(live, dict):
        return _same_fields(desired, live, fields, same)
    if isinstance(desired, list) and isinstance(live, list):
        items = [key for key in fields if key != "."]
        if all(key.startswith("k:") for key in items):
            return _same_keyed(desired, live, {key: fields[key] for key in items}, same)
        if all(key.startswith("v:") for key in items):
            values = [json.loads(key[2:]) for key in items]
            return len(values) == len(desired) and all(v in desired and v in live for v in values)
    return False


def _same_fields(
    desired: dict[str, Any], live: dict[str, Any], fields: dict[str, Any], same: _Same
) -> bool:
    owned = {key[2:] for key in fields if key.startswith("f:")}
    # Typed objects leave out what is empty; as long as the field is ours, nobody has filled it
    # since.
    return owned == desired.keys() and all(
        _same(value, live[key], fields[f"f:{key}"], same)
        if key in live
        else value in ([], {}) and not fields[f"f:{key}"]
        for key, value in desired.items()
    )


def _same_keyed(desired: list[Any], live: list[Any], items: dict[str, Any], same: _Same) -> bool:
    if len(items) != len(desired):
        return False
    for key, fields in items.items():
        names = json.loads(key[2:])
        wanted = [item for item in desired if _has(item, names, defaults=True)]
        found = [item for item in live if _has(item, names, defaults=False)]
        if len(wanted) != 1 or len(found) != 1 or not _same(wanted[0], found[0], fields, same):
            return False
    return True


def _has(item: Any, names: dict[str, Any], *, defaults: bool) -> bool:
    """Whether `item` has the key `names`; a part of the key that it leaves to its default matches
    with `defaults`."""
    return isinstance(item, dict) and all(
        item[name] == value if name in item else defaults for name, value in names.items()
    )


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _covered(wanted: Any, found: Any) -> bool:
    """Whether all that is wanted is there."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(_covered(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_covered, wanted, found))
    return _equal(wanted, found) or (found is None and wanted in ([], {}, ""))
