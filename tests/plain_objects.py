"""Objects as plain as they can be, for the tests of apply."""

from typing import Any

from manor.kube import Object

RBAC = "rbac.authorization.k8s.io"


def make(kind: str, name: str, *, at: str = "a", api: str = "v1", **fields: Any) -> Object:
    place = {"namespace": at} if at else {}
    meta = {"name": name, **place, **fields.pop("meta", {})}
    return {"apiVersion": api, "kind": kind, "metadata": meta, **fields}


def space(name: str = "a", **meta: Any) -> Object:
    return make("Namespace", name, at="", meta=meta)


def config(name: str, value: str = "1", **more: Any) -> Object:
    return make("ConfigMap", name, data={"key": value}, **more)


def guard(name: str = "deny") -> Object:
    return make("NetworkPolicy", name, api="networking.k8s.io/v1", spec={"podSelector": {}})


def binding(name: str, *users: str) -> Object:
    subjects = [{"kind": "User", "apiGroup": RBAC, "name": user} for user in users]
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"}
    return make("RoleBinding", name, api=f"{RBAC}/v1", roleRef=role, subjects=subjects)
