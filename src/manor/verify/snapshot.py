"""What the cluster holds, read once a run however many checks ask."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from manor.api.wellknown import RBAC_API
from manor.kube import Client, Forbidden, KubeError, NotFound, UnknownKind
from manor.verify.bindings import Bindings
from manor.verify.rules import Rules
from manor.verify.team import Actor

Object = dict[str, Any]
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@dataclass(frozen=True)
class Served:
    """A resource or subresource that the server serves."""

    group: str
    resource: str
    kind: str
    api_version: str
    namespaced: bool
    verbs: tuple[str, ...]


class Snapshot:
    """Lists of whole kinds; a kind that the server does not serve has no objects."""

    def __init__(self, client: Client, becomes: Sequence[Actor] = ()) -> None:
        """`becomes` are the only identities that the client may act as, where these are not all."""
        self._client = client
        self._becomes = becomes
        self._lists: dict[tuple[str, str], asyncio.Task[list[Object]]] = {}
        self._names: dict[tuple[str, str], dict[str, Object]] = {}
        self._spaces: dict[tuple[str, str], dict[str, list[Object]]] = {}
        self._resources: asyncio.Task[list[Served]] | None = None
        self._access: dict[tuple[Actor, str], asyncio.Task[Object]] = {}
        self._rules: dict[tuple[Actor, str], asyncio.Task[Rules]] = {}
        self._bindings: asyncio.Task[Bindings] | None = None

    async def all(self, api_version: str, kind: str) -> list[Object]:
        """Every object of `kind` on the cluster."""
        key = (api_version, kind)
        if key not in self._lists:
            self._lists[key] = asyncio.create_task(self._list(api_version, kind))
        # One check that runs out of time must not cancel the read that others wait for.
        return await asyncio.shield(self._lists[key])

    async def of(self, api_version: str, kind: str, namespace: str) -> list[Object]:
        """The objects of `kind` in a namespace."""
        found = await self.all(api_version, kind)
        key = (api_version, kind)
        if key not in self._spaces:
            spaces = self._spaces[key] = {}
            for obj in found:
                spaces.setdefault(obj["metadata"].get("namespace", ""), []).append(obj)
        return self._spaces[key].get(namespace, [])

    async def named(self, api_version: str, kind: str, name: str) -> Object | None:
        """The cluster-scoped object of that name."""
        found = await self.all(api_version, kind)
        key = (api_version, kind)
        if key not in self._names:
            self._names[key] = {obj["metadata"]["name"]: obj for obj in found}
        return self._names[key].get(name)

    async def resources(self) -> list[Served]:
        """Every resource and subresource of every group's preferred version."""
        if self._resources is None:
            self._resources = asyncio.create_task(self._discover())
        return await asyncio.shield(self._resources)

    async def _discover(self) -> list[Served]:
        groups = (await self._client.request("GET", "/apis"))["groups"]
        versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]
        parts = await asyncio.gather(*(self._served(version) for version in versions))
        return [served for part in parts for served in part]

    async def _served(self, version: str) -> list[Served]:
        group = version.partition("/")[0] if "/" in version else ""
        try:
            listed = await self._client.request(
                "GET", f"/apis/{version}" if group else f"/api/{version}"
            )
        except KubeError:  # an aggregated API whose server is away serves nothing
            return []
        return [
            Served(group, r["name"], r["kind"], version, r["namespaced"], tuple(r["verbs"]))
            for r in listed["resources"]
        ]

    async def rules(self, actor: Actor, namespace: str) -> Rules:
        """All that an identity may do in a namespace."""
        key = (actor, namespace)
        if key not in self._rules:
            self._rules[key] = asyncio.create_task(self._review(actor, namespace))
        return await asyncio.shield(self._rules[key])

    async def _review(self, actor: Actor, namespace: str) -> Rules:
        if self._becomes and actor not in self._becomes:
            return await self._worked_out(actor, namespace)
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        }
        try:
            answer = await actor.client(self._client).request("POST", RULES, body=body)
        except (
            Forbidden
        ):  # not even that is open to whoever has no name: ask about it instead of it
            return Rules((), (), complete=False)
        return Rules.read(answer["status"])

    async def bindings(self) -> Bindings:
        """Every role and binding."""
        if self._bindings is None:
            self._bindings = asyncio.create_task(self._read_bindings())
        return await asyncio.shield(self._bindings)

    async def _worked_out(self, actor: Actor, namespace: str) -> Rules:
        found = (await self.bindings()).rules(actor, namespace)
        # Whether others than RBAC have a say is the same for everybody.
        told = await self.rules(self._becomes[0], namespace)
        return replace(found, complete=told.complete)

    async def _read_bindings(self) -> Bindings:
        kinds = ("ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding")
        found = [await self.all(RBAC_API, kind) for kind in kinds]
        return Bindings([*found[0], *found[1]], [*found[2], *found[3]])

    async def access(self, actor: Actor, attributes: Mapping[str, Any]) -> Object:
        """The authorizer's answer: the status of a SubjectAccessReview."""
        key = (actor, json.dumps(attributes))
        if key not in self._access:
            self._access[key] = asyncio.create_task(self._ask(actor, attributes))
        return await asyncio.shield(self._access[key])

    async def _ask(self, actor: Actor, attributes: Mapping[str, Any]) -> Object:
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": actor.user, "groups": list(actor.all_groups), **attributes},
        }
        answer: Object = (await self._client.request("POST", REVIEWS, body=body))["status"]
        return answer

    async def _list(self, api_version: str, kind: str) -> list[Object]:
        try:
            found = await self._client.list(api_version, kind)
        except (UnknownKind, NotFound):
            return []
        for obj in found:  # half of what an object takes, and no check asks who wrote what
            obj["metadata"].pop("managedFields", None)
        return found
