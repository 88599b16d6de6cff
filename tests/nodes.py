"""Nodes of the tests; each is gone when pytest is, however it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from manor.local import binaries, images
from manor.local.binaries import Bundle
from manor.local.containers import load_images
from manor.local.node import load_node
from manor.local.progress import Report
from manor.local.store import Store

MANOR = str(Path(sys.executable).with_name("manor"))


@dataclass(frozen=True)
class RunningNode:
    """A node that answers; `ip` is its address, `ingress` the URL of its gateway (None with an API
    server alone)."""

    name: str
    kubeconfig: Path
    ip: str
    server: str
    ingress: str | None


def run_manor(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the `manor` command as a user would."""
    done = subprocess.run([MANOR, *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        pytest.fail(
            f"`manor {' '.join(arguments)}` exited with "
            f"{done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done


def describe(name: str) -> RunningNode:
    said = json.loads(run_manor("local", "status", "--name", name, "-o", "json").stdout)
    ip = said["server"].removeprefix("https://").rpartition(":")[0]
    return RunningNode(name, Path(said["kubeconfig"]), ip, said["server"], said["ingress"])


def load_workload_images(name: str, *names: str) -> None:
    """Put images of workloads onto a whole node, built unless they are there."""
    node = load_node(name)
    made = images.ensure(names, bundle=Bundle(Path(node.bin), Path(node.share)), report=Report())
    load_images(node, made.values())


def helm() -> Path:
    """Helm itself: where the node's programs are, or built from its pins."""
    given = Path(os.environ.get(binaries.ENVIRONMENT_VARIABLE, ""), "helm")
    if os.access(given, os.X_OK):
        return given
    store = Store()
    binaries._complete(store, ["helm"], (), None, Report())
    return store.bin / "helm"


@contextmanager
def node_for_tests(kind: str, *options: str) -> Iterator[RunningNode]:
    """A throw-away node with a name of this pytest process."""
    name = f"test-{kind}-{os.getpid()}"
    # The shell waits for the end of its input, which comes with the end of pytest, even by SIGKILL.
    remove = 'cat > /dev/null; exec "$@" > /dev/null 2>&1'
    command = ["sh", "-c", remove, "sh", MANOR, "local", "down", "--name", name, "--yes"]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        run_manor("local", "up", "--name", name, "--ephemeral", *options)
        yield describe(name)
    finally:
        guard.communicate()
