"""A notebook, from its file to a cell that runs, as the team's own editor: it stops by itself, its
home stays, and nobody else reaches it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import aiohttp
import pytest

from nodes import load_workload_images
from team_commands import Team
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "10-workspaces"
GROUND = [
    word
    for name in ("platform", "tenant-a", "tenant-b")
    for word in ("-f", str(EXAMPLE / f"{name}.yaml"))
]
BRIEF = """
apiVersion: manor.dev/v1alpha1
kind: Workspace
metadata: {name: brief, namespace: tenant-a}
spec: {home: {size: 1Gi}, idleAfter: 20s}
"""
KNOCK = """
apiVersion: v1
kind: Pod
metadata: {name: knock}
spec:
  restartPolicy: Never
  containers:
    - name: knock
      image: manor.local/base:0.1.0
      resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 64Mi}}
      command:
        - python3
        - -c
        - |
          import socket, sys
          try:
              socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
              print("connected")
          except OSError as error:
              print(type(error).__name__)
        - "ADDRESS"
        - "PORT"
"""


@pytest.fixture(scope="module")
def team(tool_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    example = tool_example(EXAMPLE)
    load_workload_images(example.node.name, "base", "workspace")
    example.manor("apply", *GROUND)
    yield Team(example, tmp_path_factory.mktemp("people"), "tenant-a", "eva")
    example.remove(GROUND, ["tenant-a", "tenant-b"])


@pytest.fixture(scope="module")
def notes(team: Team) -> Team:
    """The team with the example's notebook."""
    made = team.manor("apply", "-f", str(EXAMPLE / "notes.yaml"))
    assert made.returncode == 0, made.stdout + made.stderr
    return team


class Jupyter:
    """Jupyter's own API, at the URL that `manor open` prints."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.base, self.token = f"http://{parts.netloc}", parse_qs(parts.query)["token"][0]

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        given = {"Authorization": f"token {self.token}", **headers}
        request = urllib.request.Request(f"{self.base}{path}", data, given, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    @contextmanager
    def refused(self) -> Iterator[None]:
        with pytest.raises(urllib.error.HTTPError) as refusal:
            yield
        assert refusal.value.code == 403

    async def run(self, code: str) -> str:
        """What a cell prints, in a kernel of its own."""
        kernel = self.ask("/api/kernels", "POST", {})["id"]
        header = {
            **{"msg_id": uuid4().hex, "msg_type": "execute_request", "version": "5.3"},
            **{"session": uuid4().hex, "username": "", "date": datetime.now(UTC).isoformat()},
        }
        content = {
            **{"code": code, "silent": False, "store_history": True, "user_expressions": {}},
            **{"allow_stdin": False, "stop_on_error": True},
        }
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        url = f"{self.base}/api/kernels/{kernel}/channels?token={self.token}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_json({**message, "channel": "shell", "buffers": []})
            while True:
                heard = await socket.receive_json(timeout=60)
                if heard["parent_header"].get("msg_id") != header["msg_id"]:
                    continue
                if heard["msg_type"] == "stream":
                    return str(heard["content"]["text"])
                assert heard["msg_type"] != "error", heard["content"]


def stands(team: Team, name: str) -> tuple[str, str]:
    """The phase of a workspace, and why."""
    status = json.loads(team.manor("get", "workspace", name, "-o", "json").stdout)["status"]
    return status["phase"], status.get("message", "")


async def test_a_cell_runs_and_the_home_outlives_the_notebook(notes: Team) -> None:
    began = time.monotonic()
    with notes.opened("notes") as url:
        jupyter = Jupyter(url)
        assert jupyter.ask("/api/status")["kernels"] == 0
        print(f"answers after {time.monotonic() - began:.1f} s")
        code = "import sklearn, os; print(sklearn.__name__, os.getcwd(), os.getuid() > 1000)"
        assert await jupyter.run(code) == "sklearn /home/work True\n"
        await jupyter.run("open('kept.txt', 'w').write('still here'); print()")
        with jupyter.refused():
            jupyter.ask("/api/status", Authorization="token guessed")
        with jupyter.refused():  # a page of another site, by DNS rebinding
            jupyter.ask("/api/status", Host="evil.example.com")
        page = urllib.request.urlopen(url, timeout=30)
        assert b"JupyterLab" in page.read()
        terminal = jupyter.ask("/api/terminals", "POST", {})["name"]
        assert jupyter.ask("/api/terminals")[0]["name"] == terminal
    assert stands(notes, "notes")[0] == "Ready"
    assert notes.manor("stop", "notes").returncode == 0
    assert stands(notes, "notes") == ("Stopped", "it was told to stop")
    assert notes.kubectl("get", "jobs,pods", "-o", "name") == ""
    with notes.opened("notes") as url:
        again = Jupyter(url)
        assert again.ask("/api/contents/kept.txt")["content"] == "still here"
        assert again.token != jupyter.token


async def test_it_stops_when_nothing_happens_and_not_before(notes: Team) -> None:
    made = notes.manor("apply", "-f", "-", given=BRIEF)
    assert made.returncode == 0, made.stdout + made.stderr
    with notes.opened("brief") as url:
        jupyter = Jupyter(url)
        began = time.monotonic()
        await jupyter.run("import time; print('begun', flush=True); time.sleep(45)")
    # Nobody is there, and a cell is at work: longer than it may be idle.
    until_now("the cell has run for long", lambda: time.monotonic() > began + 35)
    assert stands(notes, "brief")[0] == "Ready"
    until_now("it stops", lambda: stands(notes, "brief")[0] == "Stopped", 120)
    assert time.monotonic() > began + 45 + 20
    assert "nothing has happened in it since" in stands(notes, "brief")[1]
    assert "1/1" in notes.kubectl("get", "job", "brief")
    assert "This workspace stops at" in notes.manor("logs", "brief").stdout
    told = notes.manor("explain", "workspace", "brief")
    assert (told.returncode, "`manor open` starts it again" in told.stdout) == (0, True), told
    with notes.opened("brief") as url:
        assert Jupyter(url).ask("/api/status")["kernels"] == 0
    gone = notes.manor("delete", "-f", "-", "--yes", given=BRIEF)
    assert "brief" not in notes.kubectl("get", "workspaces,jobs,configmaps", "-o", "name"), gone
    assert "brief-home" in notes.kubectl("get", "pvc", "-o", "name")


def knocked(team: Team, namespace: str, address: str, port: int) -> str:
    """What a pod of a namespace hears that connects to an address."""
    pod = KNOCK.replace("ADDRESS", address).replace('"PORT"', f'"{port}"')
    where = ("-n", namespace)
    done = team.example.kubectl(None, *where, "apply", "-f", "-", given=pod)
    assert done.returncode == 0, done.stderr

    def heard() -> str:
        return str(team.example.kubectl(None, *where, "logs", "knock").stdout.strip())

    until_now("it has knocked", lambda: bool(heard()), 60)
    said = heard()
    team.example.kubectl(None, *where, "delete", "pod", "knock", "--now")
    return said


def test_nobody_else_reaches_it(notes: Team) -> None:
    with notes.opened("notes"):
        pods = json.loads(notes.kubectl("get", "pods", "-o", "json"))["items"]
        (pod,) = (one for one in pods if one["metadata"]["name"].startswith("notes-"))
        address = pod["status"]["podIP"]
        assert knocked(notes, "tenant-b", address, 8888) == "TimeoutError"
        # Its own team's pods are let through to it, and find nothing that listens.
        assert knocked(notes, "tenant-a", address, 8888) == "ConnectionRefusedError"
        for words in (
            ["open", "notes", "--no-browser"],
            ["exec", "notes", "--", "id"],
            ["stop", "notes"],
        ):
            barred = notes.manor(*words, user="bob")
            assert barred.returncode == 2, barred.stdout
            assert "you may not look into it" in barred.stderr
        token = notes.manor("exec", "notes", "--", "ls", "/var/run/secrets/kubernetes.io")
        assert token.returncode != 0
