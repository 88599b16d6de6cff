"""The marks of an ApplySet (Kubernetes enhancement 3659), so that what Pulumi makes is known to `manor` as its own.

`manor diff`, `apply` and `delete` find the objects of a tenant by a label, and where to look by annotations of its
Tenant. A tenant made here carries the same marks; either tool can go on with it. A workload has none: what it became
names it as its owner.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from manor import __version__
from manor.api.wellknown import SYSTEM_NAMESPACE
from manor.render import Object

PART_OF = "applyset.kubernetes.io/part-of"
_ID = "applyset.kubernetes.io/id"
_TOOLING = "applyset.kubernetes.io/tooling"
_GROUP_KINDS = "applyset.kubernetes.io/contains-group-kinds"
_NAMESPACES = "applyset.kubernetes.io/additional-namespaces"

FOUNDATION: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "manor", "namespace": SYSTEM_NAMESPACE},
}
"""The parent of what stands before any spec; every other set's parent is the spec itself."""


def group(obj: Object) -> str:
    """The API group; empty for the core group."""
    api_version: str = obj["apiVersion"]
    return api_version.rpartition("/")[0]


def is_teams(parent: Object) -> bool:
    """Whether people of a team write the spec: its set is what it owns, and has no marks."""
    return parent != FOUNDATION and "namespace" in parent["metadata"]


def set_id(parent: Object) -> str:
    """The ApplySet's ID: a function of the parent's name, namespace, kind and group."""
    meta = parent["metadata"]
    text = ".".join((meta["name"], meta.get("namespace", ""), parent["kind"], group(parent)))
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"applyset-{digest.rstrip(b'=').decode()}-v1"


def member(obj: Object, parent: Object) -> Object:
    """`obj` with the label that makes it a member of the parent's set."""
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "labels": {**meta.get("labels", {}), PART_OF: set_id(parent)}}}


def marked(parent: Object, members: Iterable[Object]) -> Object:
    """The parent's name and its marks alone: whose set it is, and the kinds and namespaces of its members."""
    listed = list(members)
    kinds = {f"{obj['kind']}.{group(obj)}" if group(obj) else obj["kind"] for obj in listed}
    home = parent["metadata"].get("namespace", "")
    namespaces = {obj["metadata"].get("namespace", "") for obj in listed} - {home, ""}
    name: dict[str, Any] = {key: parent["metadata"][key] for key in ("name", "namespace") if key in parent["metadata"]}
    marks = {
        _TOOLING: f"manor/v{__version__}",
        _GROUP_KINDS: ",".join(sorted(kinds)),
        _NAMESPACES: ",".join(sorted(namespaces)),
    }
    return {
        "apiVersion": parent["apiVersion"],
        "kind": parent["kind"],
        "metadata": {**name, "labels": {_ID: set_id(parent)}, "annotations": marks},
    }
