"""Whose set an object belongs to, and which changes of it are news."""

from typing import Any

from manor.api import kinds
from manor.api.wellknown import COMPONENT_LABEL, GROUP, NAME_LABEL
from manor.kube import Object
from manor.objectset.applyset import FIELD_MANAGER, PART_OF, applyset_id
from manor.objectset.readiness import readiness
from manor.objectset.references import Ref

_WORKLOADS = {info.singular: info.kind for info in kinds.WORKLOADS}
_SERVERS_OWN = frozenset({"managedFields", "resourceVersion", "generation", "uid", "selfLink"})


class Owners:
    """The sets of the specs, by the marks of their members."""

    def __init__(self) -> None:
        self._by_id: dict[str, Ref] = {}

    def know(self, spec: Ref) -> None:
        """A spec whose set is to be known again by its mark."""
        self._by_id[applyset_id(spec)] = spec

    def forget(self, spec: Ref) -> None:
        """A spec that is no more."""
        self._by_id.pop(applyset_id(spec), None)

    def owner(self, obj: Object) -> Ref | None:
        """The spec that the object is made for, as its labels say: enough to look, not to write."""
        meta = obj["metadata"]
        labels = meta.get("labels") or {}
        if found := self._by_id.get(labels.get(PART_OF, "")):
            return found
        kind = _WORKLOADS.get(labels.get(COMPONENT_LABEL, ""))
        if kind and NAME_LABEL in labels:
            return Ref(GROUP, kind, meta.get("namespace", ""), labels[NAME_LABEL])
        return None


def is_news(old: Object | None, new: Object | None) -> bool:
    """Whether a member is another than before in anything but what its controller counts: in what
    was asked for, or in whether it is ready."""
    if old is None or new is None:
        return True
    return _content(old) != _content(new) or readiness(old, jobs=True) != readiness(new, jobs=True)


def _content(obj: Object) -> dict[str, Any]:
    meta = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS_OWN}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}


def last_writer(obj: Object) -> str:
    """The field manager that wrote last, and is not Manor."""
    entries = [
        entry
        for entry in obj["metadata"].get("managedFields", ())
        if not entry.get("subresource")
        and (entry.get("manager"), entry.get("operation")) != (FIELD_MANAGER, "Apply")
    ]
    entries.sort(key=lambda entry: str(entry.get("time", "")))
    return str(entries[-1]["manager"]) if entries else ""
