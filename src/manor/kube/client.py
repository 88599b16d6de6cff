"""The client: verbs on plain objects, whatever their kind."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from manor.kube.connection import open_connection
from manor.kube.discovery import Discovery, Resource
from manor.kube.errors import Gone, NoApiServer, TooLong
from manor.kube.streams import Event, ExecResult, Process, Tunnel, execute, forward, start, watch
from manor.kube.transport import Identity, OnWarning, Params, Transport, encode
from manor.limits import limits

Object = dict[str, Any]
Objects = list[Object]
Labels = Mapping[str, str | None]
"""The labels that objects are selected by; None stands for any value."""

APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
STRICT: Mapping[str, str] = {"fieldValidation": "Strict"}


class Client:
    """Talks to one API server as one identity. All methods raise ApiError, Unreachable or
    UnknownKind."""

    def __init__(self, transport: Transport, discovery: Discovery, identity: Identity) -> None:
        self._transport = transport
        self._discovery = discovery
        self._identity = identity

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        kubeconfig: Path | None = None,
        context: str | None = None,
        *,
        concurrency: int | None = None,
        on_warning: OnWarning = lambda _text: None,
    ) -> AsyncIterator[Self]:
        """A client of the server that `context` of `kubeconfig` names; at most `concurrency`
        requests at a time.

        Without `kubeconfig`: $KUBECONFIG, ~/.kube/config, or the pod's service account.
        `on_warning` is called with each warning that the server puts beside an answer. Raises
        KubeconfigError.
        """
        connection = await open_connection(kubeconfig, context)
        async with connection.session:
            transport = Transport(connection, concurrency or limits().kube.concurrency, on_warning)

            async def fetch(path: str, accept: str) -> str:
                return await transport.send(Identity(), "GET", path, accept=accept)

            acting = connection.acting
            client = cls(transport, Discovery(fetch), Identity())
            if user := acting.get("as"):
                client = client.impersonate(
                    user, acting.get("as-groups") or (), acting.get("as-user-extra")
                )
            yield client

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self._transport.connection.server

    @property
    def context(self) -> str:
        """The name of the kubeconfig's context in use, or `in-cluster`."""
        return self._transport.connection.context

    @property
    def namespace(self) -> str:
        """The namespace of the kubeconfig's context, or the pod's own; `default` where there is
        none."""
        return self._transport.connection.namespace

    @property
    def concurrency(self) -> int:
        """How many requests are in flight at most."""
        return self._transport.concurrency

    def impersonate(
        self,
        user: str,
        groups: Sequence[str] = (),
        extra: Mapping[str, Sequence[str]] | None = None,
    ) -> Self:
        """This client acting as `user`, over the same connections.

        Without `groups` the server adds those that follow from the name: system:authenticated, and
        a service account's.
        """
        identity = Identity(
            user, tuple(groups), {key: tuple(values) for key, values in (extra or {}).items()}
        )
        return type(self)(self._transport, self._discovery, identity)

    async def resource(self, api_version: str, kind: str) -> Resource:
        """How the server serves `kind`. Raises UnknownKind."""
        return await self._discovery.resource(api_version, kind)

    async def preferred_resource(self, group: str, kind: str) -> Resource:
        """How the server serves `kind` in its preferred version of `group`. Raises UnknownKind."""
        return await self._discovery.preferred(group, kind)

    async def unserved(self, kinds: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of the kinds (group and kind) that the server does not serve."""
        return await self._discovery.unserved(kinds)

    async def resources(self) -> list[Resource]:
        """Every kind that the server serves, in its preferred version."""
        return await self._discovery.preferred_of_all()

    async def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Object:
        """One object. Raises NotFound."""
        resource = await self.resource(api_version, kind)
        return await self._object("GET", resource.path(namespace, name))

    async def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        labels: Labels | None = None,
        field_selector: str | None = None,
    ) -> Objects:
        """All objects of `kind` in `namespace`, or in all of them, each with apiVersion
        and kind."""
        path = (await self.resource(api_version, kind)).path(namespace)
        params = _given(labelSelector=_selector(labels), fieldSelector=field_selector)
        try:
            objects = await self._pages(path, params)
        except Gone:  # the list changed for longer than the server remembers: read it in one piece
            objects = (await self._object("GET", path, params))["items"]
        return [{"apiVersion": api_version, "kind": kind, **item} for item in objects]

    async def list_metadata(self, resource: Resource, namespace: str) -> Objects:
        """The metadata alone of all objects of a kind in a namespace."""
        objects = await self._pages(resource.path(namespace), {}, METADATA)
        return [
            {**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in objects
        ]

    async def _pages(
        self, path: str, params: dict[str, str | int], accept: str = "application/json"
    ) -> Objects:
        objects: Objects = []
        token, size = "", limits().kube.page
        while True:
            asked = {**params, "limit": size, **({"continue": token} if token else {})}
            try:
                page = await self._object("GET", path, asked, accept=accept)
            except TooLong:  # objects of megabytes: fewer at a time
                if size == 1:
                    raise
                size = max(1, size // 8)
                continue
            objects += page.get("items") or []
            token = page["metadata"].get("continue", "")
            if not token:
                return objects

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Creates `obj`; unknown fields are refused. Raises Conflict where it exists."""
        resource = await self.resource(obj["apiVersion"], obj["kind"])
        path = resource.path(obj["metadata"].get("namespace"))
        if resource.namespaced and not obj["metadata"].get("namespace"):
            raise ValueError(
                f"{obj['kind']} {obj['metadata'].get('name')} lives in a namespace, and none is "
                f"given"
            )
        return await self._object("POST", path, {**STRICT, **_dry(dry_run)}, obj)

    async def apply(
        self,
        obj: Object,
        *,
        field_manager: str = "manor",
        force: bool = False,
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> Object:
        """Server-side apply of `obj`; unknown fields are refused.

        Raises Conflict where another manager owns a field with another value, unless `force`.
        """
        params = {
            "fieldManager": field_manager,
            "force": str(force).lower(),
            **STRICT,
            **_dry(dry_run),
        }
        path = await self._path_of(obj, subresource)
        return await self._object("PATCH", path, params, obj, APPLY_PATCH)

    async def replace(
        self, obj: Object, *, dry_run: bool = False, subresource: str | None = None
    ) -> Object:
        """Puts `obj` in the place of the object of its name. Raises Conflict where its
        resourceVersion is outdated."""
        return await self._object(
            "PUT", await self._path_of(obj, subresource), {**STRICT, **_dry(dry_run)}, obj
        )

    async def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        body: Any,
        *,
        namespace: str | None = None,
        content_type: str = MERGE_PATCH,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Patches an object: a merge patch, or what `content_type` says."""
        resource = await self.resource(api_version, kind)
        path = resource.path(namespace, name, subresource)
        return await self._object("PATCH", path, _dry(dry_run), body, content_type)

    async def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        propagation: str = "Background",
        dry_run: bool = False,
        grace_seconds: int | None = None,
        uid: str | None = None,
    ) -> None:
        """Deletes an object, and only the one of that `uid` where it is given. Raises NotFound,
        Conflict."""
        resource = await self.resource(api_version, kind)
        options = _delete_options(propagation, grace_seconds, dry_run)
        if uid:
            options["preconditions"] = {"uid": uid}
        await self._object("DELETE", resource.path(namespace, name), None, options)

    async def delete_collection(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: Labels | None = None,
        field_selector: str | None = None,
        propagation: str = "Background",
        dry_run: bool = False,
        grace_seconds: int | None = None,
    ) -> None:
        """Deletes all objects of `kind` in `namespace` that the selectors match."""
        resource = await self.resource(api_version, kind)
        params = _given(labelSelector=_selector(labels), fieldSelector=field_selector)
        options = _delete_options(propagation, grace_seconds, dry_run)
        await self._object("DELETE", resource.path(namespace), params, options)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float | None = None,
    ) -> Any:
        """A raw request: the JSON of the answer, or its text where it is not JSON. `timeout` in
        seconds."""
        data = body if body is None or isinstance(body, bytes) else encode(body)
        text = await self._transport.send(
            self._identity,
            method,
            path,
            params,
            data,
            content_type,
            accept="application/json, */*",
            timeout=timeout,
        )
        try:
            return json.loads(text)
        except ValueError:
            return text

    async def exec(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str | None = None,
        timeout: float | None = None,
    ) -> ExecResult:
        """Runs `command` in a container of `pod`, for at most `timeout` seconds."""
        path = (await self.resource("v1", "Pod")).path(namespace, pod, "exec")
        params = _command(command, container, "stdout", "stderr")
        return await execute(
            self._transport, self._identity, path, params, timeout or limits().kube.command
        )

    @asynccontextmanager
    async def start(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str | None = None,
        tty: bool = False,
    ) -> AsyncIterator[Process]:
        """Starts `command` in a container of `pod`, which takes input and tells what it writes; on
        a terminal of its own with `tty`."""
        path = (await self.resource("v1", "Pod")).path(namespace, pod, "exec")
        # With a terminal both outputs are one.
        streams = ("stdin", "stdout", "tty" if tty else "stderr")
        params = _command(command, container, *streams)
        async with start(self._transport, self._identity, path, params) as process:
            yield process

    @asynccontextmanager
    async def forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[Tunnel]:
        """Opens a connection to a port of `pod`."""
        path = (await self.resource("v1", "Pod")).path(namespace, pod, "portforward")
        async with forward(self._transport, self._identity, path, port) as tunnel:
            yield tunnel

    async def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str | None = None,
        previous: bool = False,
        tail_lines: int | None = None,
        limit_bytes: int | None = None,
    ) -> str:
        """The log of a container of `pod`; with `previous`, that of its last run."""
        path = (await self.resource("v1", "Pod")).path(namespace, pod, "log")
        params = _given(
            container=container,
            tailLines=tail_lines,
            limitBytes=limit_bytes,
            previous="true" if previous else None,
        )
        return await self._transport.send(self._identity, "GET", path, params, accept="*/*")

    async def follow_log(
        self,
        namespace: str,
        pod: str,
        *,
        container: str | None = None,
        since: str = "",
    ) -> AsyncGenerator[tuple[str, str], None]:
        """The lines of a container's log as they come, until the container ends: each with the time
        (RFC 3339) at which it was written.

        `since` is the time of the first one asked for, at the second. Raises Unreachable where the
        connection breaks, or after `limits().kube.follow` seconds.
        """
        path = (await self.resource("v1", "Pod")).path(namespace, pod, "log")
        params = _given(
            container=container, follow="true", timestamps="true", sinceTime=since or None
        )
        bounds = limits().kube
        lines = self._transport.lines(self._identity, path, params, bounds.follow, unended=True)
        async for line in lines:
            moment, _, text = line.decode(errors="replace").partition(" ")
            yield moment, text

    async def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: Labels | None = None,
        without: Mapping[str, str] | None = None,
        field_selector: str | None = None,
        resource_version: str | None = None,
        initial: bool = False,
        timeout: float | None = None,
    ) -> AsyncIterator[Event]:
        """Events of `kind` for `timeout` seconds, of objects that have `labels` and none of the
        labels `without`; without `resource_version`, what there is comes first, as ADDED.

        With `initial`, a BOOKMARK with the annotation `k8s.io/initial-events-end` says where that
        ends (a streaming list, KEP-3157). Raises Gone where `resource_version` is too old.
        """
        path = (await self.resource(api_version, kind)).path(namespace)
        params = _given(
            labelSelector=_selector(labels, without),
            fieldSelector=field_selector,
            resourceVersion=resource_version,
            sendInitialEvents="true" if initial else None,
            resourceVersionMatch="NotOlderThan" if initial else None,
        )
        async for event in watch(
            self._transport, self._identity, path, params, timeout or limits().kube.watch
        ):
            yield event

    async def _path_of(self, obj: Object, subresource: str | None = None) -> str:
        meta = obj["metadata"]
        resource = await self.resource(obj["apiVersion"], obj["kind"])
        return resource.path(meta.get("namespace"), meta["name"], subresource)

    async def _object(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        data = None if body is None else encode(body)
        text = await self._transport.send(
            self._identity, method, path, params, data, content_type, accept
        )
        try:
            answer: Object = json.loads(text)
        except ValueError:
            raise NoApiServer(text) from None
        return answer


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _given(**params: str | int | None) -> dict[str, str | int]:
    return {key: value for key, value in params.items() if value is not None}


def _command(command: Sequence[str], container: str | None, *streams: str) -> list[tuple[str, str]]:
    params = [("command", word) for word in command] + [(name, "true") for name in streams]
    return [*params, ("container", container)] if container else params


def _selector(labels: Labels | None, without: Mapping[str, str] | None = None) -> str | None:
    chosen = [key if value is None else f"{key}={value}" for key, value in (labels or {}).items()]
    return ",".join([*chosen, *(f"{k}!={v}" for k, v in (without or {}).items())]) or None


def _delete_options(propagation: str, grace_seconds: int | None, dry_run: bool) -> Object:
    options: Object = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation,
    }
    if dry_run:  # where there is a body, the server reads no option from the query
        options["dryRun"] = ["All"]
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    return options
