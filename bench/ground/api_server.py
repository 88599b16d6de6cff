"""The API server that is measured."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MANOR = str(Path(sys.executable).with_name("manor"))


@contextmanager
def api_server(kubeconfig: Path | None = None, *, durable: bool = False) -> Iterator[Path]:
    """The kubeconfig given, or a throw-away API server's; `durable`: its etcd syncs, as one meant
    to last does."""
    if kubeconfig is not None:
        yield kubeconfig
        return
    options = [] if durable else ["--ephemeral"]
    with _node("--api-only", *options) as (_, made):
        yield made


@contextmanager
def whole_node(name: str | None = None) -> Iterator[tuple[str, Path]]:
    """The embedded node of this name, or a throw-away one: its name and its kubeconfig."""
    if name is not None:
        yield name, _kubeconfig(name)
        return
    with _node("--ephemeral") as made:
        yield made


@contextmanager
def _node(*options: str) -> Iterator[tuple[str, Path]]:
    name = f"bench-{os.getpid()}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it is removed then, too
    try:
        up = [MANOR, "local", "up", "--name", name, *options]
        subprocess.run(up, check=True, stdout=sys.stderr)
        yield name, _kubeconfig(name)
    finally:
        down = [MANOR, "local", "down", "--name", name, "--yes"]
        subprocess.run(down, check=False, stdout=sys.stderr)


def _kubeconfig(name: str) -> Path:
    command = [MANOR, "local", "kubeconfig", "--name", name, "--path"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(said.stdout.strip())
