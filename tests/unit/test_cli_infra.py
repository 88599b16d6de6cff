"""`infra` with a script in the place of `pulumi`: what it is asked to do, and after
which answer."""

from pathlib import Path

import pytest

from command_line import Command

pytestmark = pytest.mark.unit

# Of a release that takes its events in a file.
PULUMI = """#!/bin/sh
[ "$1" = --non-interactive ] && shift
log=$(echo "$*" | sed -n 's/.*--event-log \\([^ ]*\\).*/\\1/p')
if [ -n "$log" ]; then
    echo '{{"sequence": 1, "timestamp": 1, "summaryEvent": {{"durationSeconds": 1}}}}' >> "$log"
    echo '{{"sequence": 2, "timestamp": 1, "cancelEvent": {{"since": 1}}}}' >> "$log"
fi
case "$*" in
    version*) echo v3.200.0 ;;
    *"stack ls"*) echo '[{{"name": "prod", "current": true}}]' ;;
    *"stack export"*) echo '{{"version": 3, "deployment": {{}}}}' ;;
    *"stack output"*) echo '{{}}' ;;
    *"stack history"*) echo '[{history}]' ;;
    preview*|up*|destroy*) echo "did $1" | tee -a "{calls}" ;;
esac
"""
HISTORY = """\
{"kind": "update", "startTime": "2026-01-01T00:00:00.000Z", "message": "",
 "environment": {}, "config": {}, "result": "succeeded"}"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operations that `pulumi` was called for, a line each; a program lies beside it."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PULUMI.format(calls=tmp_path / "calls", history=HISTORY))
    program.chmod(0o755)
    (tmp_path / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path / "calls"


def test_what_is_missing_is_an_error_line(
    calls: Path, manor: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = manor("infra", "preview", "-C", str(calls.parent / "bin"))
    assert nothing.code == 2
    assert nothing.err.startswith(f"error: no Pulumi.yaml in {calls.parent / 'bin'}; ")
    monkeypatch.setenv("PATH", "/none")
    missing = manor("infra", "preview", "-C", str(calls.parent))
    assert missing.code == 2
    assert missing.err.startswith("error: the program `pulumi` is not on PATH; ")


@pytest.mark.parametrize(
    ("command", "question"), [("up", "Go on?"), ("destroy", "Delete all that?")]
)
def test_a_run_shows_first_what_it_would_do_and_asks(
    calls: Path, manor: Command, command: str, question: str
) -> None:
    folder = ("-C", str(calls.parent))
    shown = manor("infra", "preview", *folder)
    assert (shown.code, shown.out) == (0, "did preview\n")
    assert shown.err == f"stack prod of {calls.parent}\n"
    calls.unlink()
    declined = manor("infra", command, *folder, given="n\n")
    assert declined.code == 1
    assert question in declined.err
    first = calls.read_text()
    calls.unlink()
    assert manor("infra", command, *folder, given="y\n").code == 0
    assert calls.read_text() == f"{first}did {command}\n"
    calls.unlink()
    done = manor("infra", command, *folder, "--yes", "--skip-checkpoints")
    assert (done.code, done.out) == (0, f"did {command}\n")
    assert calls.read_text() == done.out
