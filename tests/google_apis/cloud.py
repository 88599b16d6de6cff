"""The HTTP server: which request goes where, what was sent, and what goes wrong on demand."""

import json
import re
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from google_apis.buckets import Buckets
from google_apis.clusters import Clusters, ControlPlane
from google_apis.identities import PROJECT, Accounts, Keys, Policies, project
from google_apis.networks import Compute
from google_apis.permissions import GIVEN, check, needed
from google_apis.wire import Json, Operations, Refused, Request

Handler = Callable[..., Json]

ENDPOINTS = {
    "containerCustomEndpoint": "container/v1beta1/",
    "computeCustomEndpoint": "compute/beta/",
    "iamBetaCustomEndpoint": "iam/v1/",
    "kmsCustomEndpoint": "cloudkms/v1/",
    "resourceManagerCustomEndpoint": "cloudresourcemanager/v1/",
    "cloudBillingCustomEndpoint": "cloudbilling/v1/",
    "storageCustomEndpoint": "storage/v1/",
}
"""The provider's configuration that leads it here, and the path of each API."""

APIS = ("cloudkms", "cloudresourcemanager", "compute", "container", "iam", "storage")
"""Those that the program needs; the provider asks others too, and goes on without their answer."""

NOT_ENABLED = "{}.googleapis.com has not been used in project {} before or it is disabled."


@dataclass
class Fault:
    """An error in place of an answer, for some of the requests."""

    request: str
    """What begins so ("POST container/…"), as a regular expression."""
    code: int
    message: str
    status: str = ""
    times: int = 1


@dataclass
class GoogleCloud:
    """One project's worth of Google Cloud, empty at first."""

    control_plane: ControlPlane
    enabled: Collection[str] = APIS
    """The APIs that the project has."""
    roles: Collection[str] = tuple(GIVEN)
    """The roles in the project of whoever sends the requests."""
    sent: list[Request] = field(default_factory=list)
    """Every request so far, in order."""
    wrong: list[str] = field(default_factory=list)
    """Requests that nothing here answers, or that Google's types refuse."""
    faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        operations = Operations()
        self.policies = Policies()
        self.accounts = Accounts()
        self.keys = Keys()
        self.compute = Compute(f"{self.url}compute/beta/", operations)
        self.clusters = Clusters(
            f"{self.url}container/v1beta1/",
            self.control_plane,
            self.compute,
            self.accounts,
            self.keys,
            self.policies,
            operations,
        )
        self.compute.users.append(self.clusters.users)
        self.buckets = Buckets(f"{self.url}storage/v1/", self.clusters.identity_pools)
        self._routes = [(re.compile(pattern), handler) for pattern, handler in self._table()]

    @property
    def configuration(self) -> dict[str, str]:
        """The provider's configuration that leads it here."""
        return {f"gcp:{key}": f"{self.url}{path}" for key, path in ENDPOINTS.items()}

    @contextmanager
    def serving(self) -> Iterator["GoogleCloud"]:
        """Answer requests meanwhile."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def writes(self, since: int = 0) -> list[str]:
        """The requests that change something, but so many of the first."""
        asks = (":getIamPolicy", ":testIamPermissions")
        return [
            str(each)
            for each in self.sent[since:]
            if each.method != "GET" and not each.path.endswith(asks)
        ]

    def used(self) -> dict[str, set[str]]:
        """What was used so far: the permissions by the API."""
        used: dict[str, set[str]] = {}
        for each in self.sent:
            if (api := each.path.partition("/")[0]) in self.enabled:
                used.setdefault(api, set()).update(needed(each))
        return used

    def _table(self) -> Iterator[tuple[str, Handler]]:
        """Method and path of every request that is known; each group is an argument."""
        yield from _compute_routes(self.compute)
        yield from _cluster_routes(self.clusters)
        account = r"iam/v1/projects/([^/]+|-)/serviceAccounts"
        yield rf"POST {account}", lambda r, p: self.accounts.create(r, p)
        yield rf"GET {account}/([^/:]+)", lambda r, p, email: self.accounts.get(email)
        yield rf"PATCH {account}/([^/:]+)", lambda r, p, email: self.accounts.change(r, email)
        yield rf"DELETE {account}/([^/:]+)", lambda r, p, email: self.accounts.delete(email)
        place = r"cloudkms/v1/(projects/[^/]+/locations/[^/]+"
        yield rf"POST {place})/keyRings", self.keys.create_ring
        yield rf"POST {place}/keyRings/[^/]+)/cryptoKeys", self.keys.create_key
        yield rf"GET {place}/keyRings/[^:]+)", lambda r, name: self.keys.get(name)
        yield rf"PATCH {place}/keyRings/[^:]+)", self.keys.change
        manager = r"cloudresourcemanager/v1/projects/([^/:]+)"
        yield rf"GET {manager}", lambda r, name: project(name)
        for thing in (r"cloudkms/v1/([^:]+)", r"cloudresourcemanager/v1/([^:]+)"):
            yield rf"(?:GET|POST) {thing}:getIamPolicy", lambda r, name: self.policies.get(name)
            yield rf"POST {thing}:setIamPolicy", self.policies.put
        yield from _bucket_routes(self.buckets)

    def answer(self, request: Request) -> tuple[int, Json]:
        """What Google would answer."""
        with self._lock:
            self.sent.append(request)
            try:
                return 200, self._handled(request)
            except Refused as refused:
                if refused.body["error"]["status"] in ("INVALID_ARGUMENT", "UNIMPLEMENTED"):
                    self.wrong.append(f"{request}: {refused}")
                return refused.code, refused.body

    def _handled(self, request: Request) -> Json:
        for fault in self.faults:
            if fault.times and re.match(fault.request, str(request)):
                fault.times -= 1
                raise Refused(fault.code, fault.message, fault.status)
        api = request.path.partition("/")[0]
        if api not in self.enabled:
            raise Refused(403, NOT_ENABLED.format(api, PROJECT), reason="accessNotConfigured")
        for pattern, handler in self._routes:
            if found := pattern.fullmatch(str(request)):
                check(request, self.roles)
                return handler(request, *found.groups())
        raise Refused(501, "the stand-in does not know this request")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        cloud = self

        class OneRequest(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _do(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(
                    self.command,
                    unquote(parts.path).lstrip("/"),
                    dict(parse_qsl(parts.query)),
                    json.loads(body) if body else {},
                )
                code, told = cloud.answer(request)
                data = json.dumps(told).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815

        return OneRequest


def _compute_routes(compute: Compute) -> Iterator[tuple[str, Handler]]:
    for place, kind in (
        ("global", "networks"),
        ("regions/[^/]+", "subnetworks"),
        ("regions/[^/]+", "routers"),
    ):
        parent = rf"compute/beta/projects/([^/]+/{place})/{kind}"
        one = rf"compute/beta/projects/([^/]+/{place}/{kind}/[^/]+)"
        yield rf"POST {parent}", lambda r, p, kind=kind: compute.create(r, p, kind)
        yield rf"GET {one}", lambda r, path: compute.get(path)
        yield rf"PATCH {one}", lambda r, path, kind=kind: compute.change(r, path, kind)
        yield rf"DELETE {one}", lambda r, path, kind=kind: compute.delete(path, kind)
    yield r"GET compute/beta/projects/([^/]+)", lambda r, name: compute.project(name)
    yield (
        r"GET compute/beta/projects/([^/]+/(?:global|regions/[^/]+))/operations/([^/]+)",
        lambda r, parent, name: compute.polled(parent, name),
    )
    yield (
        r"GET compute/beta/projects/([^/]+/zones/[^/]+)/instanceGroupManagers",
        lambda r, parent: compute.instance_groups(parent),
    )


def _cluster_routes(clusters: Clusters) -> Iterator[tuple[str, Handler]]:
    place = r"container/v1beta1/(projects/[^/]+/locations/[^/]+"
    cluster = rf"{place}/clusters/[^/:]+)"
    pool = rf"{place}/clusters/[^/]+/nodePools/[^/:]+)"
    yield rf"POST {place})/clusters", clusters.create
    yield rf"GET {cluster}", lambda r, name: clusters.get(name)
    yield rf"PUT {cluster}", clusters.update
    yield rf"DELETE {cluster}", lambda r, name: clusters.delete(name)
    yield rf"POST {cluster}:setResourceLabels", clusters.set_labels
    yield rf"POST {cluster}:setMaintenancePolicy", clusters.set_maintenance
    yield rf"POST {cluster}/nodePools", clusters.create_pool
    yield (
        rf"GET {cluster}/nodePools",
        lambda r, name: {"nodePools": clusters.get(name)["nodePools"]},
    )
    yield rf"GET {pool}", lambda r, name: clusters.pool(name)
    yield rf"PUT {pool}", clusters.update_pool
    yield rf"POST {pool}:setSize", clusters.resize_pool
    yield rf"POST {pool}:setManagement", clusters.manage_pool
    yield rf"DELETE {pool}", lambda r, name: clusters.delete_pool(name)
    yield (
        rf"GET {place})/operations/([^/]+)",
        lambda r, parent, name: clusters.polled(parent, name),
    )


def _bucket_routes(buckets: Buckets) -> Iterator[tuple[str, Handler]]:
    bucket = r"storage/v1/b/([^/]+)"
    yield r"POST storage/v1/b", buckets.create
    yield rf"GET {bucket}", lambda r, name: buckets.get(name)
    yield rf"PATCH {bucket}", buckets.change
    yield rf"DELETE {bucket}", lambda r, name: buckets.delete(name)
    yield rf"GET {bucket}/iam", lambda r, name: buckets.policy(name)
    yield rf"PUT {bucket}/iam", buckets.set_policy
    yield rf"GET {bucket}/o", lambda r, name: buckets.listed(name)
    yield rf"DELETE {bucket}/o/(.+)", lambda r, name, own: buckets.delete_object(name, own)
    yield rf"GET {bucket}/anywhereCaches/?", lambda r, name: {}
