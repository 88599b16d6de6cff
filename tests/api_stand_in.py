"""An API server in memory, in the place of the client's transport: what it holds, what was written, what it refuses."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from manor.kube import Client, Object
from manor.kube.discovery import Discovery
from manor.kube.errors import api_error
from manor.kube.transport import Identity

KINDS = [
    ("", "v1", "Namespace", "namespaces", False),
    ("", "v1", "Node", "nodes", False),
    ("", "v1", "ConfigMap", "configmaps", True),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True),
    ("", "v1", "ResourceQuota", "resourcequotas", True),
    ("", "v1", "Event", "events", True),
    ("", "v1", "Pod", "pods", True),
    ("apps", "v1", "Deployment", "deployments", True),
    ("batch", "v1", "Job", "jobs", True),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", True),
    ("manor.dev", "v1alpha1", "Platform", "platforms", False),
    ("manor.dev", "v1alpha1", "Tenant", "tenants", False),
    ("manor.dev", "v1alpha1", "TrainingJob", "trainingjobs", True),
    ("manor.dev", "v1alpha1", "Model", "models", True),
]
VERBS = ["get", "list", "create", "patch", "delete"]


def _merged(live: Object, applied: Object) -> Object:
    both = {key: _merged(live[key], value) for key, value in applied.items() if isinstance(live.get(key), dict)}
    return {**live, **applied, **both}


@dataclass
class ApiStandIn:
    """`objects` by their path; `refused` are methods and paths (patterns) with the HTTP status and the message."""

    objects: dict[str, Object] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    kinds: list[tuple[str, str, str, str, bool]] = field(default_factory=lambda: list(KINDS))
    namespace: str = "default"
    logs: dict[str, str] = field(default_factory=dict)
    """What the pods have said, by the path of their log."""
    concurrency = 8

    @property
    def connection(self) -> Any:
        """What the client asks of its connection."""
        return SimpleNamespace(server="https://stand-in", context="stand-in", namespace=self.namespace)

    def client(self) -> Client:
        """A client that talks to it."""

        async def fetch(path: str, _accept: str) -> str:
            return self._discovery(core=path == "/api")

        return Client(self, Discovery(fetch), Identity())  # type: ignore[arg-type]

    def hold(self, *objects: Object) -> None:
        """Put objects there."""
        for obj in objects:
            self.objects[self._path(obj)] = {**obj, "metadata": {"uid": "1", "resourceVersion": "1", **obj["metadata"]}}

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
        for pattern, (status, message) in self.refused.items():
            if re.fullmatch(pattern, f"{method} {path}"):
                raise api_error(status, json.dumps({"kind": "Status", "message": message}))
        if path in self.logs:
            return self.logs[path]
        params, given = params or {}, json.loads(body) if body else {}
        if "dryRun" not in params and method != "GET":
            self.written.append(f"{method} {path}")
        if method == "GET" and path not in self.objects and self._is_collection(path):
            return json.dumps({"metadata": {}, "items": list(self._listed(path, params.get("labelSelector", "")))})
        if method in ("GET", "DELETE") and path not in self.objects:
            raise api_error(404, json.dumps({"kind": "Status", "message": f"{path} not found"}))
        if method == "DELETE":
            return json.dumps(self.objects.pop(path))
        if method in ("PATCH", "POST"):
            path = self._path(given)
            made = _merged(self.objects.get(path, {"metadata": {"uid": path, "resourceVersion": "1"}}), given)
            if "dryRun" not in params:
                self.objects[path] = made
            return json.dumps(made)
        return json.dumps(self.objects[path])

    def _path(self, obj: Object) -> str:
        group, _, version = obj["apiVersion"].rpartition("/")
        plural = next(entry[3] for entry in self.kinds if (entry[0], entry[2]) == (group, obj["kind"]))
        place = f"/namespaces/{obj['metadata']['namespace']}" if obj["metadata"].get("namespace") else ""
        return f"{f'/apis/{group}' if group else '/api'}/{version}{place}/{plural}/{obj['metadata']['name']}"

    def _is_collection(self, path: str) -> bool:
        return path.rpartition("/")[2] in {plural for *_, plural, _ in self.kinds}

    def _listed(self, path: str, selector: str) -> Iterable[Object]:
        root, _, plural = path.rpartition("/")
        wanted = [term.partition("=") for term in selector.split(",") if term]
        pattern = re.compile(rf"{root}(/namespaces/[^/]+)?/{plural}/[^/]+")
        for key, obj in self.objects.items():
            labels = obj["metadata"].get("labels") or {}
            if pattern.fullmatch(key) and all(labels.get(name) == value or not sign for name, sign, value in wanted):
                yield obj

    def _discovery(self, *, core: bool) -> str:
        groups: dict[tuple[str, str], list[Object]] = {}
        for group, version, kind, plural, namespaced in self.kinds:
            if core == (not group):
                scope = "Namespaced" if namespaced else "Cluster"
                entry = {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": VERBS}
                groups.setdefault((group, version), []).append(entry)
        items = [
            {"metadata": {"name": group}, "versions": [{"version": version, "resources": resources}]}
            for (group, version), resources in groups.items()
        ]
        return json.dumps({"items": items})
