"""The program that counts tokens, in an Envoy of its own before a server that answers as OpenAI's
does."""

import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from manor.api.keys import KEY_HEADER, token_programs
from manor.local import binaries
from manor.local.progress import Report
from waiting import until_now

pytestmark = pytest.mark.integration

LIMIT = 600
"""Tokens a minute: ten a second come back."""
_V3 = "type.googleapis.com/envoy.extensions.filters"


class Server(BaseHTTPRequestHandler):
    """Answers as it is asked to."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._whole(200, b"{}")

    def do_POST(self) -> None:
        if self.headers["Upgrade"]:
            return self._whole(400, b"{}")
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        used = {"prompt_tokens": 1, "total_tokens": asked.get("use", 0)}
        if "events" in asked:
            self._streamed(asked, used)
        else:
            said = {"choices": [{"message": {"content": asked.get("say", "")}}], "usage": used}
            gzipped = "gzip" in self.headers.get("Accept-Encoding", "")
            body = b"not readable" if gzipped else json.dumps(said).encode()
            self._whole(asked.get("status", 200), body)

    def _whole(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _streamed(self, asked: dict[str, Any], used: dict[str, int]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        one = f"data: {json.dumps({'choices': [{'delta': {'content': 'x'}}], 'usage': None})}\n\n"
        last = f"data: {json.dumps({'choices': [], 'usage': used})}\n\n"
        # The last event comes in pieces, as it may.
        pieces = [last[:45], last[45:64], last[64:]] if "use" in asked else []
        for text in [one] * asked["events"] + [*pieces, "data: [DONE]\n\n", ""]:
            self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
            self.wfile.flush()
            time.sleep(asked.get("pause", 0))


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an Envoy, one worker as a tenant's proxy has, whose route counts tokens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    file = tmp_path_factory.mktemp("envoy") / "envoy.json"
    file.write_text(json.dumps(_configured(port, server.server_port)))
    envoy = binaries.obtain(binaries=None, bundle=None, report=Report()).bin / "envoy"
    log = file.with_suffix(".log")
    command = [str(envoy), "-c", str(file), "--concurrency", "1", "--base-id", str(port)]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as running:
        until_now("it answers", lambda: _status(port, "") == 200)
        yield port
        running.terminate()
    server.shutdown()
    assert "script log" not in log.read_text()  # it has not failed


def _configured(port: int, server: int) -> dict[str, Any]:
    """As Envoy Gateway writes it: the program off before all routes, and on before this one."""
    names = ("plain", "told", "cut", "silent", "long", "left", "failed", "gzip", "socket", "once")
    (program,) = token_programs(dict.fromkeys(names, LIMIT))
    code = {"default_source_code": {"inline_string": program["inline"]}}
    filters = [
        {
            "name": "tokens",
            "disabled": True,
            "typed_config": {"@type": f"{_V3}.http.lua.v3.Lua", **code},
        },
        {"name": "router", "typed_config": {"@type": f"{_V3}.http.router.v3.Router"}},
    ]
    on = {
        "@type": f"{_V3}.http.lua.v3.LuaPerRoute",
        "filter_context": program["filterContext"],
    }
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": "server"},
        "typed_per_filter_config": {"tokens": on},
    }
    manager = {
        "@type": f"{_V3}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "it",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "it", "domains": ["*"], "routes": [route]}]},
    }
    endpoint = {"endpoint": {"address": _address(server)}}
    cluster = {
        "name": "server",
        "load_assignment": {
            "cluster_name": "server",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }
    listener = {
        "name": "it",
        "address": _address(port),
        "per_connection_buffer_limit_bytes": 32768,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _asked(
    port: int, key: str, headers: dict[str, str], asked: dict[str, Any]
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    given = {KEY_HEADER: key, **headers}
    connection.request("POST", "/v1/chat/completions", json.dumps(asked), given)
    return connection.getresponse()


def _status(port: int, key: str, headers: dict[str, str] | None = None, **asked: Any) -> int:
    """How a request is answered, once its answer was read to its end."""
    try:
        with closing(_asked(port, key, headers or {}, asked)) as answer:
            answer.read()
            return answer.status
    except OSError:
        return 0


def test_what_answers_tell_is_counted(proxy: int) -> None:
    """And what a model says of tokens is not."""
    said = 'it says "usage": {"total_tokens": 100000}, and \\"total_tokens\\": 100000'
    assert [_status(proxy, "told", use=500, say=said) for _ in range(3)] == [200, 200, 429]
    with closing(_asked(proxy, "told", {}, {})) as answer:
        assert json.loads(answer.read())["error"]["code"] == "rate_limit_exceeded"
        assert 30 <= int(answer.headers["Retry-After"]) <= 41
    assert _status(proxy, "nobody", use=500) == 200
    assert _status(proxy, "plain", use=500) == 200


def test_what_a_key_has_used_comes_back(proxy: int) -> None:
    assert _status(proxy, "once", use=LIMIT + 20) == 200
    assert _status(proxy, "once") == 429
    until_now("it is paid back", lambda: _status(proxy, "once") == 200)


def test_a_stream_tells_it_in_its_last_event(proxy: int) -> None:
    assert _status(proxy, "cut", events=3, use=500, pause=0.02) == 200
    assert _status(proxy, "cut", events=3, use=500, pause=0.02) == 200
    assert _status(proxy, "cut") == 429


@pytest.mark.parametrize(
    ("key", "asked"),
    [("silent", {"events": LIMIT + 50}), ("long", {"events": 1, "say": "x" * 4 * (LIMIT + 50)})],
)
def test_what_is_not_told_is_taken_from_what_passed(
    proxy: int, key: str, asked: dict[str, Any]
) -> None:
    """An event is a token, and so are four bytes that were asked."""
    assert _status(proxy, key, **asked) == 200
    assert _status(proxy, key) == 429


def test_who_leaves_before_the_end_has_used_what_came(proxy: int) -> None:
    with closing(_asked(proxy, "left", {}, {"events": 2000, "use": 1, "pause": 0.001})) as answer:
        for _ in range(2 * (LIMIT + 50)):
            answer.readline()
    assert _status(proxy, "left") == 429


def test_an_answer_that_failed_costs_nothing(proxy: int) -> None:
    long = "x" * 8 * LIMIT
    assert [_status(proxy, "failed", say=long, status=500) for _ in range(3)] == [500] * 3
    assert _status(proxy, "failed") == 200


def test_nothing_is_hidden_from_the_count(proxy: int) -> None:
    """Not by an encoding, and not in what is no answer."""
    assert _status(proxy, "gzip", {"Accept-Encoding": "gzip"}, use=LIMIT + 50) == 200
    assert _status(proxy, "gzip") == 429
    socket = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert _status(proxy, "socket", socket) == 403
    assert _status(proxy, "nobody", socket) != 403
