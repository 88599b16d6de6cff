"""People of a team on the node: `manor` and `kubectl` as one of them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodes import MANOR


@dataclass(frozen=True)
class Team:
    """A team's namespace, and `manor` there as one of its people."""

    example: Any
    folder: Path
    """Where kubeconfigs are written."""
    namespace: str
    editor: str

    def command(self, user: str, *words: str) -> tuple[list[str], dict[str, str]]:
        config = self.folder / f"{user}.kubeconfig"
        if not config.exists():
            name = ("--name", self.example.node.name)
            config.write_text(self.example.manor("local", "kubeconfig", *name, "--user", user))
        where = {"MANOR_KUBECONFIG": str(config), "MANOR_NAMESPACE": self.namespace}
        return [MANOR, *words], {**os.environ, **where}

    def manor(
        self, *words: str, user: str = "", given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        command, environment = self.command(user or self.editor, *words)
        return subprocess.run(
            command, input=given, capture_output=True, text=True, env=environment, timeout=300
        )

    def kubectl(self, *words: str, user: str | None = None) -> str:
        done = self.example.kubectl(user, "-n", self.namespace, *words)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    @contextmanager
    def opened(self, *words: str) -> Iterator[str]:
        """The URL of what `manor open` has opened, while the block runs."""
        command, environment = self.command(self.editor, "open", *words, "--no-browser")
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as running:
            assert running.stdout is not None
            try:
                yield running.stdout.readline().strip()
            finally:
                running.send_signal(signal.SIGINT)
                running.wait(30)
