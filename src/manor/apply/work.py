"""What people made in a namespace of ours: it is theirs, and goes only on consent that names the
namespace.

It is found by what the server serves, not by kinds that somebody thought of, and by metadata alone:
no Secret is read.
"""

from collections.abc import Collection
from dataclasses import dataclass

from manor.apply.concurrency import concurrently
from manor.kube import ApiError, Client, Forbidden, Object, Resource
from manor.objectset.kinds import CONFIG_MAP, PERSISTENT_VOLUME_CLAIM, SERVICE, kind_of
from manor.objectset.references import Ref, is_default_account, ref_of

TOLD = 8
"""Objects that a message names; of more it gives the number."""

_CERTIFICATE = "kube-root-ca.crt"
"""The ConfigMap that Kubernetes makes in every namespace."""
_ENDPOINTS = ("", "Endpoints")
_RECORDS = frozenset({("", "Event"), ("events.k8s.io", "Event"), PERSISTENT_VOLUME_CLAIM})
"""Events tell of other objects and go by themselves; claims are data, which has a consent of its
own."""


@dataclass(frozen=True)
class Work:
    """What people made in a namespace, and the kinds of which we may not know, in the plural."""

    objects: tuple[Ref, ...]
    unseen: tuple[str, ...]

    def __str__(self) -> str:
        named = [f"{ref.kind} {ref.name}" for ref in self.objects[:TOLD]]
        more = [f"{len(self.objects) - TOLD} more objects"] if len(self.objects) > TOLD else []
        unseen = (
            [f"perhaps {', '.join(self.unseen[:TOLD])}, which you may not list"]
            if self.unseen
            else []
        )
        return ", ".join([*named, *more, *unseen])

    def __bool__(self) -> bool:
        return bool(self.objects or self.unseen)


async def work_in(client: Client, namespace: str, ours: Collection[Ref]) -> Work:
    """What is in `namespace` beside `ours` and what Kubernetes makes of either: one request for
    each kind served."""
    kinds = [resource for resource in await client.resources() if _can_be_made(resource)]
    lists = await concurrently(_list(client, resource, namespace) for resource in kinds)
    unseen = sorted(
        resource.plural for resource, found in zip(kinds, lists, strict=True) if found is None
    )
    objects = {obj["metadata"]["uid"]: obj for found in lists for obj in found or ()}
    services = {obj["metadata"]["name"] for obj in objects.values() if kind_of(obj) == SERVICE}
    refs = {ref_of(obj) for obj in objects.values() if not _follows(obj, services)}
    return Work(
        tuple(sorted(refs - set(ours), key=lambda ref: (ref.kind, ref.name))), tuple(unseen)
    )


def _can_be_made(resource: Resource) -> bool:
    is_record = (resource.group, resource.kind) in _RECORDS
    return (
        resource.namespaced
        and not is_record
        and {"list", "create", "delete"} <= set(resource.verbs)
    )


def _follows(obj: Object, services: Collection[str]) -> bool:
    """Whether the object is there because of another one, goes by itself, or is in
    every namespace."""
    kind, meta = kind_of(obj), obj["metadata"]
    return bool(
        is_default_account(ref_of(obj))
        or (kind == CONFIG_MAP and meta["name"] == _CERTIFICATE)
        or meta.get("ownerReferences")
        or "deletionTimestamp" in meta
        or (kind == _ENDPOINTS and meta["name"] in services)
    )


async def _list(client: Client, resource: Resource, namespace: str) -> list[Object] | None:
    try:
        return await client.list_metadata(resource, namespace)
    except Forbidden:
        return None
    except ApiError as error:
        if error.status in (404, 405):  # the kind is just going, or lists nothing
            return []
        return None
