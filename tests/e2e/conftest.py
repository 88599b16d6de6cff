"""The whole node with the two example teams on it, made as a user makes it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from manor.local import images
from manor.local.binaries import Bundle
from manor.local.containers import load_images
from manor.local.node import load_node
from manor.local.progress import Report

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "01-two-teams"


@dataclass(frozen=True)
class TwoTeams:
    """The node, and what `manor up` printed and returned on it."""

    node: Any
    kubeconfig: Path
    up: subprocess.CompletedProcess[str]

    def manor(self, *args: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of `manor` on the node."""
        return run_on(self.kubeconfig, *args, given=given)


def run_on(kubeconfig: Path, *args: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".venv" / "bin" / "manor"), *args]
    environment = {"KUBECONFIG": str(kubeconfig), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(command, input=given, capture_output=True, text=True, env=environment, timeout=800)


@pytest.fixture(scope="module")
def two_teams(node: Any) -> TwoTeams:
    """`manor up` on the whole node: the example's platform, tenants, training jobs and models, and the report."""
    recorded = load_node(node.name)
    bundle = Bundle(Path(recorded.bin), Path(recorded.share))
    load_images(recorded, images.ensure(("base", "training", "serving"), bundle=bundle, report=Report()).values())
    up = run_on(node.kubeconfig, "up", "--kubeconfig", str(node.kubeconfig), "--yes", "-f", str(EXAMPLE))
    return TwoTeams(node, node.kubeconfig, up)
