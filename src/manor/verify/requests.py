"""Requests as data: what a tenant's user asks the API server, with `$words` for the names."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from manor.kube import Client

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

METHODS = {
    "get": "GET",
    "list": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "apply": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}
READS = ("get", "list")
Object = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request. Everything but reads is sent as a dry run, so that nothing is stored."""

    verb: str
    api_version: str
    kind: str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None
    body: Any = None
    content_type: str = "application/json"

    async def path(self, client: Client) -> str:
        """The URL path. Raises UnknownKind where the server does not serve the kind."""
        resource = await client.resource(self.api_version, self.kind)
        # A subresource of a cluster-scoped kind and a namespace's own path look alike to the
        # server, not to us.
        namespace = self.namespace if resource.namespaced else None
        return resource.path(namespace, self.name, self.subresource)

    @property
    def params(self) -> dict[str, str | int]:
        """The query: a dry run for writes, the field manager for an apply, a small page
        for lists."""
        if self.verb in READS:
            return {"limit": 1} if self.verb == "list" else {}
        dry: dict[str, str | int] = {"dryRun": "All"}
        return (
            {**dry, "fieldManager": "manor-verify", "force": "true"}
            if self.verb == "apply"
            else dry
        )

    async def send(self, client: Client) -> Any:
        """The server's answer. Raises KubeError."""
        return await client.request(
            METHODS[self.verb],
            await self.path(client),
            params=self.params,
            body=self.body,
            content_type=self.content_type,
        )

    async def describe(self, client: Client) -> str:
        """The request line, as evidence."""
        query = "&".join(f"{key}={value}" for key, value in self.params.items())
        kind = f" ({self.content_type})" if self.verb == "patch" else ""
        return (
            f"{METHODS[self.verb]} {await self.path(client)}"
            + (f"?{query}" if query else "")
            + kind
        )

    def filled(self, context: Any) -> "Request":
        """The request with its `$words` replaced."""
        parts = {key: context.fill(getattr(self, key)) for key in ("namespace", "name", "body")}
        return replace(self, **parts)


def create(obj: Object, namespace: str | None = None) -> Request:
    """Creates `obj`, in its own namespace or in `namespace`."""
    meta = obj["metadata"]
    return Request(
        "create", obj["apiVersion"], obj["kind"], namespace or meta.get("namespace"), body=obj
    )


def create_sub(
    api_version: str, kind: str, name: str, subresource: str, body: Object, namespace: str = "$own"
) -> Request:
    """Posts `body` to a subresource, such as `serviceaccounts/token`."""
    return Request("create", api_version, kind, namespace, name, subresource, body)


def read(
    api_version: str,
    kind: str,
    name: str,
    namespace: str | None = None,
    subresource: str | None = None,
) -> Request:
    """Reads one object."""
    return Request("get", api_version, kind, namespace, name, subresource)


def lists(api_version: str, kind: str, namespace: str | None = None) -> Request:
    """Lists a namespace, or the whole cluster."""
    return Request("list", api_version, kind, namespace)


def patch(
    api_version: str,
    kind: str,
    name: str,
    body: Any,
    namespace: str | None = None,
    subresource: str | None = None,
    content_type: str = MERGE,
) -> Request:
    """Patches one object."""
    return Request("patch", api_version, kind, namespace, name, subresource, body, content_type)


def delete(api_version: str, kind: str, name: str, namespace: str | None = None) -> Request:
    """Deletes one object."""
    return Request("delete", api_version, kind, namespace, name)


def delete_all(api_version: str, kind: str, namespace: str | None = None) -> Request:
    """Deletes a collection."""
    return Request("deletecollection", api_version, kind, namespace)


def merged(base: Any, change: Any) -> Any:
    """`base` after the JSON merge patch `change` (RFC 7396)."""
    if not isinstance(change, Mapping):
        return copy.deepcopy(change)
    result = dict(base) if isinstance(base, Mapping) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def every_write(
    live: Object, change: Object, subresources: tuple[str, ...] = ()
) -> dict[str, Request]:
    """Each way to write `change` into the existing object `live`: put, three patches, apply, and
    each subresource."""
    meta = live["metadata"]
    where = (live["apiVersion"], live["kind"], meta.get("namespace"), meta["name"])
    ident = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {"name": meta["name"]},
    }
    whole = merged(live, change)
    ways: dict[str, Request] = {}
    for sub in (None, *subresources):
        tag = f" /{sub}" if sub else ""
        ways[f"update{tag}"] = Request("update", *where, sub, whole)
        ways[f"merge patch{tag}"] = Request("patch", *where, sub, change, MERGE)
        if "." not in live["apiVersion"] or (
            ".k8s.io/" in live["apiVersion"] and "gateway" not in live["apiVersion"]
        ):
            ways[f"strategic patch{tag}"] = Request("patch", *where, sub, change, STRATEGIC)
        ways[f"apply{tag}"] = Request("apply", *where, sub, merged(ident, change), APPLY)
    return ways
