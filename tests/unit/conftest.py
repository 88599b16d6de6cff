"""The command line, and a cluster for it that is no process."""

from pathlib import Path

import pytest

from api_stand_in import BUILT_IN, ApiStandIn
from command_line import Command, typed, use
from ground.gateway_kinds import NAMESPACES


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
