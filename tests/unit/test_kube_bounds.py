"""Who writes a log, an object or a command's output has no say in the memory of whoever
reads it."""

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from manor.kube import Client, TooLong, Unreachable
from manor.limits import limits, override

pytestmark = pytest.mark.unit

CHUNK = b"x" * 2**15
PODS = {
    "resource": "pods",
    "responseKind": {"kind": "Pod"},
    "scope": "Namespaced",
    "verbs": ["list"],
}
CORE = {"metadata": {}, "versions": [{"version": "v1", "resources": [PODS]}]}
LARGE = 20
"""Items that a page may ask for before it is too long."""


async def _resources(request: web.Request) -> web.Response:
    return web.json_response({"items": [CORE] if request.path == "/api" else []})


async def _log(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(10 * limits().kube.answer // len(CHUNK)):
        await answer.write(CHUNK)
    return answer


async def _exec(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
    await socket.prepare(request)
    for _ in range(100 * limits().kube.command_output // len(CHUNK)):
        if socket.closed:
            break
        await socket.send_bytes(b"\x01" + CHUNK)
    return socket


async def _list(request: web.Request) -> web.StreamResponse:
    first, size = int(request.query.get("continue") or 0), int(request.query["limit"])
    if size > LARGE:
        return await _log(request)
    items = [{"metadata": {"name": str(number)}} for number in range(first, min(first + size, 100))]
    token = str(first + size) if first + size < 100 else ""
    return web.json_response({"metadata": {"continue": token}, "items": items})


def kubeconfig(folder: Path, server: str) -> Path:
    """A kubeconfig that names the server."""
    config = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "c", "user": {"token": "none"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    app = web.Application()
    app.router.add_get("/api", _resources)
    app.router.add_get("/apis", _resources)
    app.router.add_get("/api/v1/namespaces/a/pods", _list)
    app.router.add_get("/api/v1/namespaces/a/pods/b/log", _log)
    app.router.add_get("/api/v1/namespaces/a/pods/b/exec", _exec)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with Client.connect(kubeconfig(tmp_path, url)) as connected:
        yield connected
    await runner.cleanup()


async def test_a_log_without_end_is_an_error_and_little_memory(client: Client) -> None:
    tracemalloc.start()
    with pytest.raises(TooLong, match="longer than 64 MiB; the rest is not read"):
        await client.logs("a", "b")
    assert tracemalloc.get_traced_memory()[1] < 3 * limits().kube.answer
    tracemalloc.stop()


async def test_output_without_end_is_an_error(client: Client) -> None:
    with pytest.raises(TooLong, match="the command wrote more than 4 MiB"):
        await client.exec("a", "b", ["yes"])


async def test_a_list_of_large_objects_is_read_in_small_pages(client: Client) -> None:
    assert len(await client.list("v1", "Pod", "a")) == 100


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up_in_time(
    tmp_path: Path, scheme: str
) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    brief = replace(limits().kube, connect=0.3, request=0.3)
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        config = kubeconfig(tmp_path, f"{scheme}://127.0.0.1:{port}")
        began = time.monotonic()
        with override(kube=brief):
            async with Client.connect(config) as client:
                with pytest.raises(Unreachable, match=r"timed out after 0\.3 s; is it "):
                    await client.list("v1", "Pod")
                with pytest.raises(Unreachable, match="gives no answer: timed out"):
                    await client.exec("a", "b", ["true"])
        assert time.monotonic() - began < 5
