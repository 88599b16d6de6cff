"""A prediction by TLS: certificate and Host header are those of the model's name, the address is
the gateway's."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from manor.cli.prediction import Endpoint, PredictionFailed, predict
from manor.kube import Unreachable
from manor.local.certificates import Authority, Wanted

pytestmark = pytest.mark.integration

HOST = "team.example.com"


heard: list[str] = []
"""The keys that requests bore."""


async def answer(request: web.Request) -> web.Response:
    heard.append(request.headers.get("Authorization", ""))
    if request.path.endswith("/closed") and len(heard) < 3:
        return web.Response(status=401, text="Jwt verification fails")
    if request.path.endswith("/broken"):
        return web.Response(status=500, text="Traceback:\nValueError: 3 features, not 64\n")
    if request.path.endswith("/page"):
        return web.Response(text="<html>")
    return web.json_response({"outputs": [], "host": request.host})


@pytest_asyncio.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """A server on the loopback address that has a certificate for HOST alone."""
    Authority(tmp_path, "ca").issue(Wanted("server", HOST, hosts=(HOST,)))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def at(port: int, path: str = "/infer", host: str = HOST) -> Endpoint:
    return Endpoint(f"https://{host}:{port}{path}", "127.0.0.1")


async def test_the_name_is_verified_and_sent_though_the_address_is_another(
    port: int, tmp_path: Path
) -> None:
    said = await predict(at(port), {}, authority=tmp_path / "ca.crt")
    assert said["host"] == f"{HOST}:{port}"


async def test_another_name_and_an_unknown_authority_are_refused(port: int, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="certificate"):
        await predict(at(port, host="other.example.com"), {}, authority=tmp_path / "ca.crt")
    with pytest.raises(Unreachable, match="certificate"):
        await predict(at(port), {})


async def test_a_new_key_is_given_time_and_another_is_refused_at_once(
    port: int, tmp_path: Path
) -> None:
    trusted = tmp_path / "ca.crt"
    heard.clear()
    closed = replace(at(port, "/closed"), key="own")
    with pytest.raises(PredictionFailed, match="answered 401"):
        await predict(closed, {}, authority=trusted)
    assert heard == ["Bearer own"]
    assert await predict(replace(closed, new=True), {}, authority=trusted)
    assert len(heard) == 3


async def test_what_is_no_prediction_is_told(port: int, tmp_path: Path) -> None:
    trusted = tmp_path / "ca.crt"
    with pytest.raises(
        PredictionFailed, match="answered 500 Internal Server Error: ValueError: 3 features, not 64"
    ):
        await predict(at(port, "/broken"), {}, authority=trusted)
    with pytest.raises(PredictionFailed, match="Traceback"):
        await predict(at(port, "/broken"), {}, authority=trusted, whole=True)
    with pytest.raises(PredictionFailed, match="no prediction but: <html>"):
        await predict(at(port, "/page"), {}, authority=trusted)
