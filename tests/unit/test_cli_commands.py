"""The table of commands: what is listed can be run, and listing imports none of it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib import import_module

import pytest
import typer
from typer.testing import CliRunner

from manor.cli.main import COMMANDS, app
from nodes import MANOR

pytestmark = pytest.mark.unit

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {token: x}}]
contexts: [{name: here, context: {cluster: here, user: me}}]
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_found_and_its_line_says_what_its_help_says(name: str) -> None:
    entry = COMMANDS[name]
    found = getattr(import_module(f"manor.cli.{entry.module}"), entry.attribute)
    whole = (
        str(found.info.help)
        if isinstance(found, typer.Typer)
        else " ".join(str(found.__doc__).split())
    )
    first = entry.help.split()[0]
    assert whole.startswith(first), f"{name}: {entry.help!r} stands for {whole!r}"
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert "╭" not in shown.stdout  # every group's help looks the same


def test_listing_the_commands_imports_none_of_them() -> None:
    slow = ("pydantic", "aiohttp", "yaml", "asyncio", "structlog")
    code = f"import sys, manor.cli.main; print([m for m in sys.modules if m in {slow}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_lists_of_what_is_there_import_nothing_that_makes_it() -> None:
    slow = [f"manor.{name}" for name in ("apply", "engines", "rollout", "verify", "operator")]
    lists = ", ".join(f"manor.cli.get.{name}" for name in ("tenants", "namespaces", "queues"))
    code = f"import sys, {lists}; print([m for m in sys.modules if m in {slow}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_command_that_reads_imports_no_model_of_the_client_library() -> None:
    """And who wants it whole has it afterwards."""
    code = """
import asyncio, sys
from pathlib import Path
from manor.kube import Client

async def connect():
    async with Client.connect(Path(sys.argv[1])):
        pass

asyncio.run(connect())
print([name for name in sys.modules if name.startswith("kubernetes_asyncio.client.models")])
import kubernetes_asyncio
print(kubernetes_asyncio.client.V1Pod.__name__, kubernetes_asyncio.config.load_config.__name__)
"""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(KUBECONFIG)
        file.flush()
        words = [sys.executable, "-c", code, file.name]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "V1Pod load_config"]


@pytest.mark.parametrize("words", [("get", "tenants"), ("apply", "-f", "."), ("--help",)])
def test_ctrl_c_ends_a_command_in_silence_from_the_first_moment(words: tuple[str, ...]) -> None:
    code = "from manor.cli.start import main; print('begun', flush=True); main()"
    for delay in (0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2):
        with subprocess.Popen(
            [sys.executable, "-c", code, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KUBECONFIG": "/nonexistent"},
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "begun\n"
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        if process.returncode in (0, 2):  # it had ended
            continue
        # Once Python itself ends, the signal does: to a shell that is 130 too.
        assert process.returncode in (130, -signal.SIGINT), said
        assert said.count("\n") <= 1, said


def test_version_and_suggestion() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("manor ")
    mistyped = CliRunner().invoke(app, ["aply"])
    assert mistyped.exit_code == 2
    assert "Did you mean 'apply'?" in mistyped.stderr


def test_a_switch_takes_no_value() -> None:
    shown = CliRunner().invoke(app, ["predict", "--help"], env={"COLUMNS": "100"}).stdout
    line = next(line for line in shown.splitlines() if "--curl" in line)
    assert "<" not in line


@pytest.mark.parametrize(
    ("streams", "code", "said"),
    [
        ("<&-", 2, "error: -: nothing to do: there is no document in it"),
        ("<<< '' >&-", 2, "error: -: nothing to do: there is no document in it"),
        ("<<< '' 2>&-", 2, ""),
    ],
)
def test_a_closed_stream_leads_nowhere(streams: str, code: int, said: str) -> None:
    done = shell(f"{MANOR} render -f - {streams}")
    assert (done.returncode, done.stderr.strip()) == (code, said)


def test_what_this_machine_refuses_is_an_error_line() -> None:
    done = shell(f"{MANOR} tools list > /dev/full")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("error: No space left on device\n")


@pytest.mark.parametrize("words", ["tools list", "get tenants", "local status"])
def test_somebody_without_a_home_gets_no_traceback(words: str) -> None:
    unknown = "import pwd, sys; pwd.getpwuid = {}.__getitem__; sys.argv[0] = 'manor'"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{unknown}; from manor.cli.main import main; main()",
            *words.split(),
        ],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr


def shell(words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", words], capture_output=True, text=True)


@pytest.mark.parametrize(
    "words", [["get", "jobs", "-n", ""], ["delete", "tenant", "a", "--context", ""]]
)
def test_an_empty_option_is_no_default(words: list[str]) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "is empty; name one, or leave the option out" in done.stderr
