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
    name = f"bench-{os.getpid()}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it is removed then, too
    try:
        options = [] if durable else ["--ephemeral"]
        subprocess.run(
            [MANOR, "local", "up", "--name", name, "--api-only", *options],
            check=True,
            stdout=sys.stderr,
        )
        command = [MANOR, "local", "kubeconfig", "--name", name, "--path"]
        yield Path(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        )
    finally:
        subprocess.run(
            [MANOR, "local", "down", "--name", name, "--yes"], check=False, stdout=sys.stderr
        )
