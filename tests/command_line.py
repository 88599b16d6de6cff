"""The `manor` command as its user has it, in this process: what is typed, how it exits, what it
prints."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from api_stand_in import ApiStandIn
from manor.cli.main import main


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `manor` with these words; `given` is what comes on its standard input."""

    def manor(*words: str, given: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["manor", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return Done(int(end.value.code or 0), *capsys.readouterr())

    return manor


def use(server: ApiStandIn, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only context of the user's kubeconfig is `server`."""
    monkeypatch.setattr("manor.kube.client.Transport", server.transport)
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    for name in ("MANOR_CONTEXT", "MANOR_KUBECONFIG", "MANOR_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    context = {"cluster": "c", "user": "u"}
    config = {
        "current-context": "stand-in",
        "clusters": [{"name": "c", "cluster": {"server": "https://stand-in"}}],
        "users": [{"name": "u", "user": {"token": "none"}}],
        "contexts": [{"name": "stand-in", "context": context}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
