"""An API server in memory, in the place of the client's transport: what it holds, what was written,
what it refuses.

It is true where Manor leans on the server: field managers and their conflicts, namespaces, which
take along what is in them, owners, finalizers, preconditions, kinds that come and go with their
definitions. It has no schemas, evaluates no CEL but `false`, and authorizes everybody; what a
controller would write at once, `controllers` write.
"""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp

from field_managers import apply_fields, refusal
from manor.kube import Client, Object
from manor.kube.connection import Connection
from manor.kube.discovery import Discovery
from manor.kube.streams import DATA, ERROR
from manor.kube.transport import Identity, OnWarning
from served_kinds import BUILT_IN, MANORS, Kind, defined


def _is(condition: str) -> Object:
    return {"conditions": [{"type": condition, "status": "True"}]}


def _has_fields(obj: Object, selector: str) -> bool:
    """Whether an object has the fields that a selector names."""
    for term in selector.split(","):
        path, sign, value = term.partition("!=" if "!=" in term else "=")
        found: Any = obj
        for key in path.split(".") if path else ():
            found = found.get(key, "") if isinstance(found, dict) else ""
        if path and (found == value) == (sign == "!="):
            return False
    return True


VERBS = ["get", "list", "create", "patch", "delete"]
CONTROLLERS: dict[str, Callable[[Object], Object]] = {
    "Namespace": lambda _: {"phase": "Active"},
    "CustomResourceDefinition": lambda _: _is("Established"),
    "ResourceQuota": lambda obj: {"used": dict.fromkeys(obj["spec"].get("hard", {}), "0")},
    "PersistentVolumeClaim": lambda _: {"phase": "Bound"},
    "Gateway": lambda _: {**_is("Programmed"), "addresses": [{"value": "127.0.0.1"}]},
    "HTTPRoute": lambda obj: {
        "parents": [_is("Accepted") for _ in obj["spec"].get("parentRefs", ())]
    },
    **dict.fromkeys(
        ("BackendTrafficPolicy", "EnvoyExtensionPolicy", "SecurityPolicy"),
        lambda _: {
            "ancestors": [
                {"conditions": [{"type": "Accepted", "status": "True", "observedGeneration": 1}]}
            ]
        },
    ),
    "Deployment": lambda obj: {
        "observedGeneration": 1,
        **dict.fromkeys(
            ("replicas", "updatedReplicas", "availableReplicas"), obj["spec"].get("replicas", 1)
        ),
    },
    "Job": lambda _: _is("Complete"),
}
"""The status that a controller gives a new object."""


def _check_version(live: Object, told: Object) -> None:
    """Who writes knows the object as it is, where he says what he knows."""
    version = live["metadata"]["resourceVersion"]
    if told.get("resourceVersion", version) != version:
        said = "the object has been modified; apply your changes to the latest version"
        raise refusal(409, "Conflict", said)


class _Forwarded:
    """The websocket of a port, as the kubelet answers: each channel begins with the port's
    number."""

    def __init__(self, answer: list[bytes] | None) -> None:
        begin = [bytes([channel, 0, 0]) for channel in (DATA, ERROR)]
        refused = bytes([ERROR]) + b"connection refused"
        said = [refused] if answer is None else [bytes([DATA]) + part for part in answer]
        self._messages = [*begin, *said]

    async def send_bytes(self, data: bytes) -> None:
        """Take what is asked."""
        assert data.startswith(bytes([DATA]) + b"GET ")

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        for data in self._messages:
            yield aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, data, None)


@dataclass
class ApiStandIn:
    """`objects` by their path; `refused` are methods and paths (patterns) with the HTTP status and
    the message."""

    objects: dict[str, Object] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    kinds: list[Kind] = field(default_factory=lambda: [*BUILT_IN, *MANORS])
    namespace: str = "default"
    logs: dict[str, str] = field(default_factory=dict)
    """What the pods have said, by the path of their log."""
    ports: dict[str, list[bytes]] = field(default_factory=dict)
    """What comes of a connection to a port of a pod, by `<pod>:<port>`; others refuse it."""
    reviews: dict[str, Object] = field(default_factory=dict)
    """What the authorizer answers, by the plural of the review."""
    controllers: dict[str, Callable[[Object], Object]] = field(
        default_factory=lambda: dict(CONTROLLERS)
    )
    enforces: bool = True
    """Whether it acts by admission policies."""
    concurrency = 8
    on_warning: OnWarning = field(default=lambda _text: None)
    _versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def connection(self) -> Any:
        """What the client asks of its connection."""
        return SimpleNamespace(
            server="https://stand-in", context="stand-in", namespace=self.namespace
        )

    def transport(
        self, _connection: Connection, _concurrency: int, on_warning: OnWarning
    ) -> "ApiStandIn":
        """Itself, where the client makes its transport."""
        self.on_warning = on_warning
        return self

    def client(self) -> Client:
        """A client that talks to it."""

        async def fetch(path: str, _accept: str) -> str:
            return await self.send(Identity(), "GET", path)

        return Client(self, Discovery(fetch), Identity())  # type: ignore[arg-type]

    def hold(self, *objects: Object) -> None:
        """Put objects there that nobody applied."""
        for obj in objects:
            self.objects[self._path(obj)] = self._born(self._path(obj), obj)

    def held(self, plural: str, name: str) -> Object:
        """The one object of this kind and name."""
        (found,) = [obj for path, obj in self.objects.items() if path.endswith(f"/{plural}/{name}")]
        return found

    def names(self, plural: str) -> set[str]:
        """The names of the objects of a kind."""
        return {path.rpartition("/")[2] for path in self.objects if path.split("/")[-2] == plural}

    async def send(
        self,
        _identity: Identity,
        method: str,
        path: str,
        params: Any = None,
        body: bytes | None = None,
        *_rest: Any,
        **_more: Any,
    ) -> str:
        """Answer one request."""
        self._refuse(method, path)
        if path in self.logs:
            return self.logs[path]
        params, given = params or {}, json.loads(body) if body else {}
        dry = "dryRun" in params or "dryRun" in given
        if not dry and method != "GET":
            self.written.append(f"{method} {path}")
        answer = getattr(self, f"_{method.lower()}")(path, params, given, dry=dry)
        return json.dumps(answer)

    async def lines(
        self, _identity: Identity, path: str, _params: Any, _timeout: float
    ) -> AsyncIterator[bytes]:
        """The events of a watch, which is refused as method WATCH: what there is, then what
        changes."""
        self._refuse("WATCH", path)
        seen: dict[str, str] = {}
        while True:
            for obj in list(self._listed(path, "")):
                name, now = obj["metadata"]["name"], json.dumps(obj)
                if seen.get(name) != now:
                    event = {"type": "MODIFIED" if name in seen else "ADDED", "object": obj}
                    seen[name] = now
                    yield json.dumps(event).encode()
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def websocket(
        self,
        _identity: Identity,
        path: str,
        params: list[tuple[str, str]],
        _protocols: tuple[str, ...],
    ) -> AsyncIterator["_Forwarded"]:
        """A port of a pod; it is refused as method GET."""
        self._refuse("GET", path)
        pod = path.split("/")[-2]
        yield _Forwarded(self.ports.get(f"{pod}:{dict(params)['ports']}"))

    def _refuse(self, method: str, path: str) -> None:
        for pattern, (status, message) in self.refused.items():
            if re.fullmatch(pattern, f"{method} {path}"):
                raise refusal(status, "", message)

    def _get(self, path: str, params: Any, _given: Object, *, dry: bool) -> Object:
        if path in ("/api", "/apis"):
            return self._discovery(core=path == "/api")
        if path == "/version":
            return {"gitVersion": "v1.37.2"}
        if path not in self.objects and path.rpartition("/")[2] in {
            kind.plural for kind in self.kinds
        }:
            return {
                "metadata": {},
                "items": [
                    obj
                    for obj in self._listed(path, params.get("labelSelector", ""))
                    if _has_fields(obj, params.get("fieldSelector", ""))
                ],
            }
        return self._existing(path)

    def _post(self, path: str, _params: Any, given: Object, *, dry: bool) -> Object:
        if (plural := path.rpartition("/")[2]) in self.reviews:
            return {**given, "status": self.reviews[plural]}
        meta = given["metadata"]
        path = f"{path}/{meta.get('name') or meta['generateName'] + '12345'}"
        if path in self.objects:
            raise refusal(409, "AlreadyExists", f"{path} already exists")
        self._admit(path, given)
        return self._store(path, self._born(path, given), dry=dry)

    def _patch(self, path: str, params: Any, given: Any, *, dry: bool) -> Object:
        if isinstance(given, list):
            return self._json_patch(path, given, dry=dry)
        if "apiVersion" not in given:
            return self._merge_patch(path, given, dry=dry)
        live, told = self.objects.get(path), given["metadata"]
        if live is None:
            self._admit(path, given)
        else:
            _check_version(live, told)
        named = {key: value for key, value in told.items() if key in ("name", "namespace")}
        bare = {"apiVersion": given["apiVersion"], "kind": given["kind"], "metadata": named}
        made = apply_fields(
            live or bare, given, params["fieldManager"], force=params["force"] == "true"
        )
        if made == live:
            return live
        return self._store(path, made if live else self._born(path, made), dry=dry)

    def _merge_patch(self, path: str, given: Object, *, dry: bool) -> Object:
        """RFC 7386."""
        live = json.loads(json.dumps(self._existing(path)))
        _check_version(live, given.get("metadata", {}))

        def merge(old: Any, new: Any) -> Any:
            if not isinstance(new, dict):
                return new
            kept = old if isinstance(old, dict) else {}
            merged = {**kept, **{key: merge(kept.get(key), part) for key, part in new.items()}}
            return {key: part for key, part in merged.items() if part is not None}

        return self._store(path, merge(live, given), dry=dry)

    def _put(self, path: str, _params: Any, given: Object, *, dry: bool) -> Object:
        live = self._existing(path)
        _check_version(live, given["metadata"])
        made = {**given, "metadata": {**live["metadata"], **given["metadata"]}}
        return self._store(path, made, dry=dry)

    def _json_patch(self, path: str, operations: list[Object], *, dry: bool) -> Object:
        """RFC 6902, as far as items of lists are tested and removed."""
        obj = json.loads(json.dumps(self._existing(path)))
        for operation in operations:
            *way, index = operation["path"].strip("/").split("/")
            items = obj
            for key in way:
                items = items[key]
            if operation["op"] == "remove":
                del items[int(index)]
            elif items[int(index)] != operation["value"]:
                raise refusal(422, "Invalid", f"testing {operation['path']} failed")
        made = self._store(path, obj, dry=dry)
        if "deletionTimestamp" in made["metadata"] and not made["metadata"].get("finalizers"):
            self.remove(path)
        return made

    def _delete(self, path: str, _params: Any, given: Object, *, dry: bool) -> Object:
        obj = self._existing(path)
        meta = obj["metadata"]
        if given.get("preconditions", {}).get("uid", meta["uid"]) != meta["uid"]:
            raise refusal(409, "Conflict", f"{path}: the UID in the precondition is another")
        if not dry and meta.get("finalizers"):
            meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        elif not dry:
            self.remove(path)
        return obj

    def remove(self, path: str) -> None:
        """Takes an object away, and with it what it holds, owns or defines."""
        gone = self.objects.pop(path)
        name, uid, inside = gone["metadata"]["name"], gone["metadata"]["uid"], " "
        if gone["kind"] == "Namespace":
            inside = f"/namespaces/{name}/"
        elif gone["kind"] == "CustomResourceDefinition":
            plural, _, group = name.partition(".")
            self.kinds = [
                kind for kind in self.kinds if (kind.plural, kind.group) != (plural, group)
            ]
            inside = f"/{plural}/"
        for other, obj in list(self.objects.items()):
            owned = any(owner["uid"] == uid for owner in obj["metadata"].get("ownerReferences", ()))
            if other in self.objects and (owned or inside in other):
                self.remove(other)

    def _existing(self, path: str) -> Object:
        if path not in self.objects:
            raise refusal(404, "NotFound", f"{path} not found", name=path.rpartition("/")[2])
        return self.objects[path]

    def _admit(self, path: str, given: Object) -> None:
        """Refuses what lies in no namespace there is, and what a policy that refuses all names."""
        if (space := given["metadata"].get("namespace")) and space not in self.names(
            "namespaces"
        ) | {"default"}:
            raise refusal(
                404, "NotFound", f'namespaces "{space}" not found', name=space, kind="namespaces"
            )
        policies = self.names("validatingadmissionpolicybindings") & self.names(
            "validatingadmissionpolicies"
        )
        for policy in policies if self.enforces else ():
            spec = self.held("validatingadmissionpolicies", policy)["spec"]
            named = [f"object.metadata.name == '{given['metadata']['name']}'"]
            asked = [condition["expression"] for condition in spec.get("matchConditions", ())]
            if asked == named and spec["validations"][0]["expression"] == "false":
                message = spec["validations"][0]["message"]
                raise refusal(
                    422,
                    "Invalid",
                    f"ValidatingAdmissionPolicy '{policy}' denied request: {message}",
                )

    def _born(self, path: str, obj: Object) -> Object:
        version = next(self._versions)
        meta = {
            "uid": f"{path}#{version}",
            "creationTimestamp": f"2026-01-01T00:00:00.{version:06}Z",
            "generation": 1,
        }
        made = {**obj, "metadata": {**meta, "resourceVersion": str(version), **obj["metadata"]}}
        if "status" not in obj and obj["kind"] in self.controllers:
            made["status"] = self.controllers[obj["kind"]](obj)
        return made

    def _store(self, path: str, obj: Object, *, dry: bool) -> Object:
        if dry:
            return obj
        obj["metadata"]["resourceVersion"] = str(next(self._versions))
        if obj["kind"] == "CustomResourceDefinition":
            self.kinds = [*(kind for kind in self.kinds if kind != defined(obj)), defined(obj)]
        self.objects[path] = obj
        return obj

    def _path(self, obj: Object) -> str:
        group, _, version = obj["apiVersion"].rpartition("/")
        plural = next(
            kind.plural for kind in self.kinds if (kind.group, kind.kind) == (group, obj["kind"])
        )
        place = (
            f"/namespaces/{obj['metadata']['namespace']}"
            if obj["metadata"].get("namespace")
            else ""
        )
        root = f"/apis/{group}" if group else "/api"
        return f"{root}/{version}{place}/{plural}/{obj['metadata']['name']}"

    def _listed(self, path: str, selector: str) -> Iterator[Object]:
        root, _, plural = path.rpartition("/")
        wanted = [term.partition("=") for term in selector.split(",") if term]
        pattern = re.compile(rf"{root}(/namespaces/[^/]+)?/{plural}/[^/]+")
        for key, obj in self.objects.items():
            labels = obj["metadata"].get("labels") or {}
            if pattern.fullmatch(key) and all(
                name in labels if not sign else labels.get(name) == value
                for name, sign, value in wanted
            ):
                yield obj

    def _discovery(self, *, core: bool) -> Object:
        groups: dict[tuple[str, str], list[Object]] = {}
        for kind in self.kinds:
            if core == (not kind.group):
                scope = "Namespaced" if kind.namespaced else "Cluster"
                entry = {
                    "resource": kind.plural,
                    "responseKind": {"kind": kind.kind},
                    "scope": scope,
                    "verbs": VERBS,
                }
                groups.setdefault((kind.group, kind.version), []).append(entry)
        items = [
            {
                "metadata": {"name": group},
                "versions": [{"version": version, "resources": resources}],
            }
            for (group, version), resources in groups.items()
        ]
        return {"items": items}
