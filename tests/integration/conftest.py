"""What integration tests share: a client of the real API server, a corner of it for each test, a
line that can fail."""

import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from ground import gateway_kinds
from manor.apply import Inventory
from manor.kube import Client
from manor.kube.connection import Connection, open_connection

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
    server."""

    kubeconfig: Path
    requests: list[str] = field(default_factory=list)
    fault: Callable[[web.Request], Awaitable[web.Response | None]] | None = None


@pytest.fixture
async def line(api_node: Any, tmp_path: Path) -> AsyncIterator[Line]:
    """A line to the API server that fails when it is told to."""
    connection = await open_connection(api_node.kubeconfig, None)
    proxied = Line(tmp_path / "kubeconfig")

    async def forward(request: web.Request) -> web.Response:
        proxied.requests.append(f"{request.method} {request.path}")
        faulty = await proxied.fault(request) if proxied.fault else None
        return faulty or await _forward(connection, request)

    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    proxied.kubeconfig.write_text(kubeconfig(f"http://127.0.0.1:{port}"))
    yield proxied
    await runner.cleanup()
    await connection.session.close()


async def _forward(connection: Connection, request: web.Request) -> web.Response:
    headers = {
        key: request.headers[key] for key in ("Accept", "Content-Type") if key in request.headers
    }
    if authorization := await connection.authorization():
        headers["Authorization"] = authorization
    async with connection.session.request(
        request.method,
        connection.server + request.path_qs,
        data=await request.read() or None,
        headers=headers,
    ) as answer:
        return web.Response(
            status=answer.status,
            body=await answer.read(),
            content_type=answer.content_type or "application/json",
        )


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
