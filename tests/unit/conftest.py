"""The command line, a cluster for it that is no process, and models that answer."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from api_stand_in import ApiStandIn
from command_line import Command, typed, use
from ground.gateway_kinds import NAMESPACES
from manor.kube import Client
from served_kinds import BUILT_IN


@pytest.fixture
def server() -> ApiStandIn:
    """An API server in memory."""
    return ApiStandIn()


@pytest.fixture
def client(server: ApiStandIn) -> Client:
    """The administrator's client of that server."""
    return server.client()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ApiStandIn:
    """A cluster that the kubeconfig names, with the Gateway API's kinds and nothing of Manor's."""
    server = ApiStandIn(kinds=list(BUILT_IN))
    server.hold(*NAMESPACES)
    use(server, tmp_path, monkeypatch)
    return server


@pytest.fixture
def manor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Types a command."""
    return typed(monkeypatch, capsys)


class _Served(BaseHTTPRequestHandler):
    answers = {"/v2/models/digits/infer": (200, {"outputs": [{"name": "y", "data": [4]}]})}

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Host"].startswith("vision.ml.example.com:")
        status, body = self.answers.get(
            self.path, (500, {"error": "Traceback\nValueError: no such row"})
        )
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def models() -> Iterator[int]:
    """The port at which models answer on 127.0.0.1."""
    server = HTTPServer(("127.0.0.1", 0), _Served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()
