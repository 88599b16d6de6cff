"""`manor` and `kubectl` as the people of a team, each with a kubeconfig of their own."""

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
    """A team on an example's node, in one namespace; `user` is who acts where nobody is named."""

    example: Any
    folder: Path
    namespace: str
    user: str

    def command(self, user: str, *words: str) -> tuple[list[str], dict[str, str]]:
        """A command line of `manor`, and the environment in which it runs as a user."""
        config = self.folder / f"{user}.kubeconfig"
        if not config.exists():
            name = ("--name", self.example.node.name)
            config.write_text(self.example.manor("local", "kubeconfig", *name, "--user", user))
        own = {"MANOR_KUBECONFIG": str(config), "MANOR_NAMESPACE": self.namespace}
        return [MANOR, *words], {**os.environ, **own}

    def manor(
        self, *words: str, user: str = "", given: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """What a command prints, with more variables in its environment."""
        command, environment = self.command(user or self.user, *words)
        return subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            env=environment | variables,
            timeout=300,
        )

    def started(self, *words: str) -> subprocess.Popen[str]:
        """A command that is run by `user`, and has nobody who answers it."""
        command, environment = self.command(self.user, *words)
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def kubectl(self, *words: str, user: str | None = None) -> str:
        """What it prints, which must succeed; as the administrator where nobody is named."""
        done = self.example.kubectl(user, "-n", self.namespace, *words)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    @contextmanager
    def opened(self, *words: str) -> Iterator[str]:
        """The URL of what `manor open` has opened, while the block runs."""
        command, environment = self.command(self.user, "open", *words, "--no-browser")
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as running:
            assert running.stdout is not None
            try:
                yield running.stdout.readline().strip()
            finally:
                running.send_signal(signal.SIGINT)
                running.wait(30)
