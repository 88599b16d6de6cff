"""What integration tests share: a client of the real API server, a corner of it for each test, a
line that can fail."""

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientError, ClientResponse, ClientTimeout, web

from accounts import kubeconfig_of
from ground import gateway_kinds
from manor.api import API_VERSION
from manor.api.wellknown import RBAC_API
from manor.apply import Inventory
from manor.kube import Client, NotFound, Object
from manor.kube.connection import Connection, open_connection
from manor.render.operator import render_operator
from nodes import run_manor
from operator_process import PLATFORM

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def client(api_node: Any) -> AsyncIterator[Client]:
    """The administrator's client."""
    async with Client.connect(api_node.kubeconfig) as connected:
        yield connected


@pytest.fixture(scope="module")
async def gateway_api_node(api_node: Any, client: Client) -> Any:
    """The API server with what the way in needs on it."""
    await gateway_kinds.install(client)
    return api_node


@pytest.fixture(scope="module")
def platform_node(gateway_api_node: Any) -> Any:
    """The API server with the Platform of an example on it."""
    where = ("--kubeconfig", str(gateway_api_node.kubeconfig))
    run_manor("apply", "-f", str(PLATFORM), "--no-wait", *where)
    return gateway_api_node


@pytest.fixture(scope="module")
async def own(platform_node: Any, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the operator's own account, with the rights that its installation gives."""
    for obj in render_operator("manor.local/operator:1"):
        if obj["kind"] == "ServiceAccount" or obj["apiVersion"] == RBAC_API:
            await client.apply(obj, field_manager="test", force=True)
    file = tmp_path_factory.mktemp("operator") / "kubeconfig"
    return await kubeconfig_of(client, platform_node, "manor-system", "manor-operator", file)


@pytest.fixture
async def make(client: Client) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Stores Tenants, which are taken away after the test."""
    names: list[str] = []

    async def store(*tenants: Object) -> None:
        for tenant in tenants:
            names.append(tenant["metadata"]["name"])
            await client.create(tenant)

    yield store
    for name in names:
        with suppress(NotFound):
            await client.patch(API_VERSION, "Tenant", name, {"metadata": {"finalizers": None}})
            await client.delete(API_VERSION, "Tenant", name)


@dataclass(frozen=True)
class Area:
    """Names that no other test uses."""

    name: str
    inventory: Inventory

    def namespace(self, name: str = "", **meta: Any) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.place(name), **meta},
        }

    def place(self, name: str = "") -> str:
        return f"{self.name}-{name}" if name else self.name

    def config(self, name: str, *, place: str = "", **data: str) -> dict[str, Any]:
        meta = {"name": name, "namespace": self.place(place)}
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": meta,
            "data": data or {"key": "value"},
        }

    def claim(self, name: str, *, place: str = "", **spec: Any) -> dict[str, Any]:
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            **spec,
        }
        meta = {"name": name, "namespace": self.place(place)}
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


@pytest.fixture
def area() -> Area:
    """A corner of the cluster for one test."""
    name = f"t{os.getpid() % 100000}-{next(_numbers)}"
    return Area(name, Inventory(name, "manor-inventories"))


@dataclass
class Line:
    """An HTTP proxy before the API server; `fault` may answer, or break, a request instead of the
    server, or change its query."""

    kubeconfig: Path
    requests: list[str] = field(default_factory=list)
    fault: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
    old_version: str = ""
    """The resource version that watches ask for instead of their own."""
    silent: bool = False
    """Watches that are open are told nothing more, and do not end, even once this is false
    again."""
    swallowed: Counter[str] = field(default_factory=Counter)
    """How many pieces of the watches of each path were not passed on."""
    watches: set[ClientResponse] = field(default_factory=set)

    def cut(self) -> None:
        """Breaks every watch."""
        for answer in self.watches:
            answer.close()


@pytest.fixture
async def line(api_node: Any, tmp_path: Path) -> AsyncIterator[Line]:
    """A line to the API server that fails when it is told to."""
    connection = await open_connection(api_node.kubeconfig, None)
    proxied = Line(tmp_path / "kubeconfig")

    async def forward(request: web.Request) -> web.StreamResponse:
        verb = "WATCH" if "watch" in request.query else request.method
        proxied.requests.append(f"{verb} {request.path}")
        faulty = await proxied.fault(request) if proxied.fault else None
        return faulty or await _forward(proxied, connection, request)

    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    proxied.kubeconfig.write_text(kubeconfig(f"http://127.0.0.1:{port}"))
    yield proxied
    proxied.cut()
    await runner.cleanup()
    await connection.session.close()


async def _forward(line: Line, connection: Connection, request: web.Request) -> web.StreamResponse:
    headers = {
        key: value
        for key, value in request.headers.items()
        if key in ("Accept", "Content-Type") or key.startswith("Impersonate-")
    }
    if authorization := await connection.authorization():
        headers["Authorization"] = authorization
    url, watches = request.rel_url, "watch" in request.query
    if watches and line.old_version and request.query.get("resourceVersion"):
        url = url.update_query(resourceVersion=line.old_version)
    async with connection.session.request(
        request.method,
        f"{connection.server}{url}",
        data=await request.read() or None,
        headers=headers,
        timeout=ClientTimeout(),
    ) as answer:
        if watches and answer.status == 200:
            return await _stream(line, request, answer)
        return web.Response(
            status=answer.status,
            body=await answer.read(),
            content_type=answer.content_type or "application/json",
        )


async def _stream(line: Line, request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    """Passes on each piece of a watch as it comes."""
    passed = web.StreamResponse(headers={"Content-Type": "application/json"})
    await passed.prepare(request)
    line.watches.add(answer)
    silent = False
    try:
        async for piece in answer.content.iter_any():
            silent = silent or line.silent
            if silent:
                line.swallowed[request.path] += 1
            else:
                await passed.write(piece)
        while silent and request.transport:  # as if no packet came through any more
            await asyncio.sleep(0.2)
    except ClientError:  # cut
        if request.transport:
            request.transport.close()
    finally:
        line.watches.discard(answer)
    return passed


def kubeconfig(server: str) -> str:
    """A kubeconfig for `server` with a context `there`."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "there",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "none"}}],
            "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u"}}],
        }
    )
