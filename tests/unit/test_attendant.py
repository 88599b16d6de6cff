"""What runs a workspace's IDE: when it says that nobody is there, and how it ends."""

import http.server
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from manor.engines import attendant
from manor.engines.attendant import READING, Settings, Watch
from waiting import until_now

pytestmark = pytest.mark.unit

SERVE = [
    "python3",
    "-c",
    "import http.server as h, sys; h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]))",
]
QUIET: dict[str, Any] = {
    "in_terminals": [],
    "cpu_seconds": None,
    "typed": 0.0,
    "gpu_use": None,
    "connections": 0,
    "kernels": [],
}
"""What is seen where nothing happens; the machine of the tests is busy."""


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Makes what is seen another: by default nothing is."""

    def see(**seen: Any) -> None:
        for name, value in {**QUIET, **seen}.items():
            monkeypatch.setattr(attendant, name, lambda *_, value=value: value)

    monkeypatch.setattr(attendant, "STATE", tmp_path / "state")
    monkeypatch.setattr(attendant, "LAST_WORDS", tmp_path / "last-words")
    monkeypatch.setattr(attendant, "TERMINALS", tmp_path)
    see()
    return see


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


HOUR = 3600.0


def watched(quiet: Any, *looks: tuple[float, dict[str, Any]], lifetime: float = 1e6) -> Watch:
    """A watch that began at 0 of an IDE that may be idle for an hour, after these looks."""
    watch = Watch(Settings([], 1, HOUR, lifetime), "", 0.0)
    for now, seen in looks:
        quiet(**seen)
        watch.look(now)
    return watch


def test_it_ends_an_hour_after_the_last_sign(quiet: Any) -> None:
    assert watched(quiet).ends == HOUR
    for sign in (
        {"kernels": [{"execution_state": "busy"}]},
        {"in_terminals": ["make"]},
        {"gpu_use": 3},
    ):
        watch = watched(quiet, (600.0, sign), (900.0, {}))
        assert watch.ends == 600 + HOUR, sign
    cell = {"execution_state": "idle", "last_activity": "1970-01-01T00:11:40.123456Z"}
    for person in ({"typed": 700.0}, {"kernels": [cell]}):
        assert watched(quiet, (900.0, person)).ends == 700 + HOUR


def test_the_cpu_counts_from_a_tenth_of_a_core_on(quiet: Any) -> None:
    for used, ends in ((109.0, HOUR), (111.0, 100 + HOUR)):
        watch = watched(quiet, (0.0, {"cpu_seconds": 100.0}), (100.0, {"cpu_seconds": used}))
        assert watch.ends == ends


def test_an_open_page_keeps_it_four_times_as_long_and_no_longer(quiet: Any) -> None:
    open_page = {"connections": 2}
    assert watched(quiet, (HOUR * 2, open_page)).ends == 3 * HOUR
    assert watched(quiet, (HOUR * 9, open_page)).ends == READING * HOUR


def test_its_lifetime_ends_it_whatever_it_does(quiet: Any) -> None:
    watch = watched(quiet, (5000.0, {"kernels": [{"execution_state": "busy"}]}), lifetime=6000.0)
    assert watch.ends == 6000
    assert watch.reason == "it has run since 1970-01-01 00:00 UTC, as long as it may"


def test_idle_it_warns_ends_the_ide_and_exits_well(
    quiet: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    notice = home / attendant.NOTICE
    seen: list[str] = []
    stopped = threading.Event()

    def looking() -> None:
        while not stopped.wait(0.02):
            if notice.exists() and not seen:
                seen.append(notice.read_text())

    thread = threading.Thread(target=looking)
    thread.start()
    port = free_port()
    began = time.time()
    code = attendant.attend(Settings([*SERVE, "$(MANOR_PORT)"], port, 2.0, 1e6), home)
    stopped.set()
    thread.join()
    assert (code, time.time() - began >= 2) == (0, True)
    assert "stops at" in seen[0]
    assert "nothing has happened in it since" in seen[0]
    assert not notice.exists()
    assert (tmp_path / "last-words").read_text().startswith("nothing has happened in it since")
    assert attendant.ready(port) == 1
    assert "stops at" in capfd.readouterr().out


def test_the_token_is_its_owners_alone_and_the_ide_has_it(quiet: Any, tmp_path: Path) -> None:
    said = tmp_path / "said"
    told = "[*sys.argv[1:], os.environ['JUPYTER_TOKEN']]"
    script = f"import os, sys; open('{said}', 'w').write(' '.join({told}))"
    command = ["python3", "-c", script, "$(MANOR_TOKEN)"]
    assert attendant.attend(Settings(command, 1, 60.0, 1e6), tmp_path) == 0
    token = (attendant.STATE / "token").read_text()
    assert said.read_text() == f"{token} {token}"
    assert len(token) > 40
    assert (attendant.STATE / "token").stat().st_mode & 0o077 == 0
    assert attendant.STATE.stat().st_mode & 0o077 == 0
    assert (tmp_path / "last-words").read_text() == "it was shut down from within"


def test_an_ide_that_fails_is_to_be_started_again(quiet: Any, tmp_path: Path) -> None:
    fails = Settings(["python3", "-c", "exit(3)"], 1, 60.0, 1e6)
    assert attendant.attend(fails, tmp_path) == 3
    assert not (tmp_path / "last-words").exists()


def test_what_is_evicted_comes_again(quiet: Any, tmp_path: Path) -> None:
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    timer.start()
    try:
        sleeps = Settings(["python3", "-c", "import time; time.sleep(60)"], 1, 60.0, 1e6)
        assert attendant.attend(sleeps, tmp_path) == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_runs_in_a_terminal_is_seen_and_a_shell_alone_is_not(tmp_path: Path) -> None:
    work = tmp_path / "manor-at-work"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", work)
    shell, terminal = pty.fork()
    if shell == 0:
        os.execvp("sh", ["sh", "-i"])
    try:
        os.write(terminal, b"echo here\n")
        assert "manor-at-work" not in attendant.in_terminals()
        began = time.time()
        for how, end in ((b" 600\n", b"\x03"), (b" 600 &\n", b"kill %1\n")):
            os.write(terminal, os.fsencode(work) + how)
            until_now("it is seen", lambda: "manor-at-work" in attendant.in_terminals())
            os.write(terminal, end)
            until_now("it is gone", lambda: "manor-at-work" not in attendant.in_terminals())
        until_now("keys are seen", lambda: attendant.typed() >= began - 8)
    finally:
        os.kill(shell, signal.SIGKILL)
        os.waitpid(shell, 0)
        os.close(terminal)


def test_what_was_left_to_the_first_process_is_reaped_and_the_ide_is_not() -> None:
    ide, left = (subprocess.Popen(["python3", "-c", "pass"]) for _ in range(2))

    def zombies() -> set[str]:
        ours = {str(ide.pid), str(left.pid)}
        return {pid for pid, _, state, *_ in attendant.processes() if state == "Z"} & ours

    until_now("both have ended", lambda: len(zombies()) == 2)
    attendant.reap(ide.pid)
    assert zombies() == {str(ide.pid)}
    assert ide.wait() == 0
    left.wait()


def test_connections_are_counted_by_their_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert attendant.connections(port) == 0
        with socket.create_connection(("127.0.0.1", port)):
            until_now("it stands", lambda: attendant.connections(port) == 1)


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == "token t0p" and self.path in answers
            self.send_response(200 if known else 403)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(self.path)).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_jupyter_is_asked_and_what_is_no_jupyter_says_nothing() -> None:
    asked = "/api/kernels?no_track_activity=1"
    there = [
        {"execution_state": state, "last_activity": f"2026-11-27T03:00:0{number}.123456Z"}
        for number, state in enumerate(("idle", "busy", "starting", "dead"))
    ]
    with answering({asked: there}) as port:
        found = attendant.kernels(port, "t0p")
        assert (attendant.busy(found), attendant.used(found)) == (2, 1795748403.0)
        assert attendant.kernels(port, "another") == []
    for answer in ({"x": 1}, None, ["x"], [{"last_activity": 3}, {}]):
        with answering({asked: answer}) as port:
            found = attendant.kernels(port, "t0p")
            assert (attendant.busy(found), attendant.used(found)) == (0, 0)
    assert attendant.kernels(free_port(), "t0p") == []


def test_it_runs_on_its_own_and_says_what_it_is_asked(tmp_path: Path) -> None:
    copied = tmp_path / "attendant.py"
    shutil.copy(attendant.__file__, copied)
    port = free_port()
    settings = {"command": [], "port": port, "idle": 60, "lifetime": 600}
    (tmp_path / "workspace.json").write_text(json.dumps(settings))

    def ask(word: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "MANOR_STATE": str(tmp_path)}
        command = ["python3", "-I", str(copied), word]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    assert ask("ready").returncode == 1
    with socket.create_server(("127.0.0.1", port)):
        assert ask("ready").returncode == 0
    (tmp_path / "token").write_text("t0p")
    assert ask("token").stdout == "t0p\n"
    assert ask("gpu").returncode == 0
