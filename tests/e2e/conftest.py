"""The whole node with the two example teams on it, made as a user makes it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from manor.cli.up import NODE_IMAGES
from nodes import RunningNode, describe, load_workload_images, node_for_tests

ROOT = Path(__file__).parent.parent.parent
BUILDING = {"GOPROXY", "HOME", "MANOR_TOOL_BINARIES"}
"""What a command may know of this process's environment: where programs come from."""
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

    def kubectl(self, *args: str, given: str = "") -> str:
        """What `kubectl` says, which must succeed."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), *args]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def run_on(
    kubeconfig: Path, *args: str, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".venv" / "bin" / "manor"), *args]
    environment = {name: value for name, value in os.environ.items() if name in BUILDING}
    environment |= {"XDG_STATE_HOME": str(kubeconfig.parent / "state")}
    environment |= {"KUBECONFIG": str(kubeconfig), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(
        command, input=given, capture_output=True, text=True, env=environment, timeout=800
    )


@pytest.fixture(scope="package")
def node() -> Iterator[RunningNode]:
    """One whole node for all tests but those of `up`, each module of which removes what it put
    there; or that of MANOR_TEST_NODE, left as it is afterwards. It goes with the last test: idle,
    it takes a part of a core."""
    with _whole("whole") as running:
        yield running


@pytest.fixture(scope="module")
def two_teams() -> Iterator[TwoTeams]:
    """`manor up` on a whole node with nothing on it: the example's platform, tenants, training jobs
    and models, and the report."""
    with _whole("up") as node:
        load_workload_images(node.name, *NODE_IMAGES)
        up = run_on(
            node.kubeconfig, "up", "--kubeconfig", str(node.kubeconfig), "--yes", "-f", str(EXAMPLE)
        )
        yield TwoTeams(node, node.kubeconfig, up)


@contextmanager
def _whole(kind: str) -> Iterator[RunningNode]:
    if name := os.environ.get("MANOR_TEST_NODE"):
        yield describe(name)
        return
    with node_for_tests(kind) as running:
        yield running


@dataclass(frozen=True)
class ToolExample:
    """A folder under `examples/` on the node for Tools: its specs are applied by the
    administrator."""

    node: RunningNode
    folder: Path

    def manor(self, *args: str, given: str | None = None) -> str:
        """What a command of `manor` prints that must succeed, as the administrator."""
        done = run_on(self.node.kubeconfig, *args, given=given)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    def kubectl(
        self, user: str | None, *args: str, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`kubectl` as a user of a team, or as the administrator."""
        who = ["--as", user] if user else []
        command = ["kubectl", "--kubeconfig", str(self.node.kubeconfig), *who, *args]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)

    def remove(self, specs: Sequence[str], namespaces: Sequence[str]) -> None:
        """The teams of the specs are gone with all that they hold, and the Platform with them."""
        spaces = [word for name in namespaces for word in ("--delete-namespace", name)]
        self.manor("delete", *specs, "--yes", "--delete-data", *spaces)

    def create(self, user: str, text: str) -> None:
        """A user's objects of kinds that are new on the cluster: quotas count a kind half a minute
        after it is new."""
        end = time.monotonic() + 120
        while (made := self.kubectl(user, "apply", "-f", "-", given=text)).returncode:
            assert "status unknown for quota" in made.stderr, made.stderr
            assert time.monotonic() < end, made.stderr
            time.sleep(2)


@pytest.fixture(scope="package")
def tool_example(node: RunningNode) -> Callable[[Path], ToolExample]:
    """Makes the example of a folder."""
    return lambda folder: ToolExample(node, folder)
