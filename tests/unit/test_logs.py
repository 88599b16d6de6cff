"""What `manor -v` tells: what is done, for whom and why; nothing that is secret, and no text that a
terminal obeys."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from typer.testing import CliRunner

from api_stand_in import ApiStandIn
from engine_specs import job, platform, tenant
from manor import log
from manor.apply import Inventory, Options, apply
from manor.cli.logs import log_to_stderr
from manor.cli.main import app
from manor.cli.options import LogFormat
from manor.kube import ApiError, Client, Object
from manor.kube.transport import Identity
from manor.limits import Kube, Rollout, override
from manor.load import Specs
from manor.rollout import Desired, apply_stages, roll_out
from manor.verify import load
from manor.verify.attempt import Attempt, Verdict
from manor.verify.runner import _log
from served_kinds import Kind

pytestmark = pytest.mark.unit

TOKEN, VALUE = "bearer-5f2c", "hunter2-7a1e"
ENCODED = base64.b64encode(VALUE.encode()).decode()
SECRET: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "a"},
    "data": {"password": ENCODED},
}


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    before, level = log.LOGGER.handlers, log.LOGGER.level
    yield
    log.LOGGER.handlers = before
    log.LOGGER.setLevel(level)


@pytest.fixture
def server() -> ApiStandIn:
    made = ApiStandIn()
    made.kinds.append(Kind("", "v1", "Secret", "secrets", True))
    made.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})
    return made


@pytest.fixture
async def kubeconfig(server: ApiStandIn, tmp_path: Path) -> AsyncIterator[Path]:
    """The stand-in behind a real connection, whose user has a bearer token."""

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        if request.path in ("/api", "/apis"):
            return web.json_response(server._discovery(core=request.path == "/api"))
        try:
            body = await request.read() or None
            return web.Response(
                text=await server.send(
                    Identity(), request.method, request.path, dict(request.query), body
                )
            )
        except ApiError as error:
            status = {"kind": "Status", "reason": "Refused", "message": error.message}
            return web.json_response(status, status=error.status)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = {
        "current-context": "c",
        "clusters": [
            {"name": "c", "cluster": {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}}
        ],
        "users": [{"name": "c", "user": {"token": TOKEN}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    yield path
    await runner.cleanup()


def told(stderr: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.splitlines()]


@pytest.mark.parametrize("form", LogFormat)
@pytest.mark.parametrize("refused", [False, True])
async def test_no_value_of_a_secret_and_no_token_is_logged(
    server: ApiStandIn,
    kubeconfig: Path,
    form: LogFormat,
    refused: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if refused:  # as the server does with a value of the wrong type
        server.refused[r"PATCH .*/secrets/s"] = (400, f"expected map, got {VALUE} ({ENCODED})")
    log_to_stderr(2, form)
    async with Client.connect(kubeconfig) as client:
        result = await apply(client, [SECRET], Inventory("i", "a"), Options())
    assert result.ok is not refused
    stderr = capsys.readouterr().err
    assert "/api/v1/namespaces/a/secrets/s" in stderr
    assert "decision" in stderr
    for secret in (TOKEN, VALUE, ENCODED, "Authorization", "Bearer"):
        assert secret not in stderr


async def test_a_request_is_told_with_what_came_of_it(
    server: ApiStandIn, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.refused["GET /api/v1/namespaces/a/configmaps"] = (503, "later")
    log_to_stderr(2, LogFormat.json)
    async with Client.connect(kubeconfig) as client:
        with override(kube=Kube(backoff=(0, 0))), pytest.raises(ApiError):
            await client.list("v1", "ConfigMap", "a")
    event = told(capsys.readouterr().err)[-1]
    assert event.pop("ms") >= 0
    assert event.pop("timestamp")
    assert event == {
        "event": "request",
        "level": "debug",
        "method": "GET",
        "path": "/api/v1/namespaces/a/configmaps",
        "status": 503,
        "retries": 2,
        "cause": "Refused",
    }


async def test_decisions_name_tenant_object_and_cause(
    server: ApiStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    server.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}})
    server.refused[r"PATCH .*/jobs/.*"] = (403, "not this one")
    specs, known = Specs(workloads=[job()]), Specs(platform(), {"vision": tenant()}, [job()])
    log_to_stderr(1, LogFormat.json)
    with override(rollout=Rollout(counted=0)):
        await roll_out(server.client(), apply_stages(Desired(specs, known)), Options())
    events = told(capsys.readouterr().err)
    decisions = [event for event in events if event["event"] == "decision"]
    assert {event["action"] for event in decisions} >= {"create", "fail"}
    assert {event["tenant"] for event in decisions} == {"vision"}
    failed = next(event for event in decisions if event["action"] == "fail")
    assert failed["object"].startswith("Job")
    assert "not this one" in failed["cause"]
    assert {event["level"] for event in events} == {"info"}
    assert [event["phase"] for event in events if event["event"] in ("stage", "phase")][:2] == [
        "apply",
        "read",
    ]


async def test_what_is_unchanged_is_told_of_at_debug_alone(
    server: ApiStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    for verbosity, actions in ((1, []), (2, ["unchanged"])):
        await apply(server.client(), [SECRET], Inventory("i", "a"), Options())
        log_to_stderr(verbosity, LogFormat.json)
        await apply(server.client(), [SECRET], Inventory("i", "a"), Options())
        events = told(capsys.readouterr().err)
        assert [event["action"] for event in events if event["event"] == "decision"] == actions


def test_an_attempt_is_told_without_the_answer_that_it_got(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Context:
        attacker = victim = tenant()

    log_to_stderr(1, LogFormat.json)
    _log(load()[0], Context, Attempt("read it", Verdict.BROKEN, VALUE))  # type: ignore[arg-type]
    _log(load()[0], Context, Attempt("read it", Verdict.SKIPPED, "no image"))  # type: ignore[arg-type]
    _log(load()[0], Context, Attempt("read it", Verdict.HELD, "403", "RBAC"))  # type: ignore[arg-type]
    broken, skipped = told(capsys.readouterr().err)
    assert (broken["verdict"], broken["tenant"], broken["check"]) == (
        "broken",
        "vision",
        load()[0].id,
    )
    assert VALUE not in str(broken)
    assert skipped["cause"] == "no image"


@pytest.mark.parametrize("form", LogFormat)
def test_what_the_cluster_says_gives_a_terminal_no_orders(
    form: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to_stderr(1, form)
    log.info("decision", object="a", cause="\x1b[2J\nlevel=error event=forged \u202e")
    (line,) = capsys.readouterr().err.splitlines()
    assert not {"\x1b", "\u202e"} & set(line)


def test_nothing_is_told_unless_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    log.info("decision", object="a")
    logging.getLogger("manor").warning("by another way")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "paths"), [([], set()), (["-v"], set()), (["-vv"], {"/api", "/apis"})]
)
async def test_an_option_of_the_command_line_turns_it_on(
    kubeconfig: Path, options: list[str], paths: set[str]
) -> None:
    words = [*options, "--log-format", "json", "get", "tenants", "--kubeconfig", str(kubeconfig)]
    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert {event["path"] for event in events} >= paths
    assert bool(events) is bool(paths)
    assert TOKEN not in done.stderr
