"""Who types commands, and looks at pages."""

import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

PATIENCE = 120.0
"""Seconds until a page must be there."""


@dataclass
class Person:
    """Who types commands, in a folder."""

    folder: Path
    environment: dict[str, str]
    typed: list[str] = field(default_factory=list)
    """The commands so far."""

    def run(self, *command: str) -> str:
        """What a command prints, which must succeed."""
        return "".join(self.watch(*command)[1])

    def watch(self, *command: str) -> tuple[float, list[str]]:
        """Seconds until a command printed its first line, and all lines; it must succeed."""
        began, first, lines = time.monotonic(), 0.0, []
        with tempfile.TemporaryFile("w+") as errors:
            with self._started(*command, stderr=errors) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    first = first or time.monotonic() - began
                    lines.append(line)
            if process.returncode:
                errors.seek(0)
                sys.exit(f"{' '.join(command)}: {''.join(lines)[-2000:]}{errors.read()[-2000:]}")
        return first, lines

    @contextmanager
    def opened(self, *command: str) -> Iterator[str]:
        """The first line of a command, which is told to end with the block."""
        with self._started(*command, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.send_signal(signal.SIGINT)

    def _started(self, *command: str, stderr: IO[str] | int) -> subprocess.Popen[str]:
        self.typed.append(" ".join(command))
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )


def page(url: str, data: Any = None) -> str:
    """What is answered at an address, once it is."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return str(answer.read().decode())
        except OSError as error:
            if time.monotonic() > end:
                sys.exit(f"{url}: {error}")
            time.sleep(0.1)
