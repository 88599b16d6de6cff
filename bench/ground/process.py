"""A command that goes on, as the system sees it: its memory, and the processor's time it took."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
STOP = 60.0
"""Seconds that a process may take to end when asked."""


@dataclass(frozen=True)
class Process:
    """A process that runs."""

    pid: int

    def memory(self) -> float:
        """MiB that are its own, with its part of what it shares (PSS)."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        [kilobytes] = re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        return int(kilobytes) / 1024

    def peak(self) -> float:
        """The most MiB that were resident at a time."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        [kilobytes] = re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        return int(kilobytes) / 1024

    def cpu(self) -> float:
        """Seconds of a core so far."""
        return _cpu(Path(f"/proc/{self.pid}/stat"))


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[Process]:
    """The command, until the end of the block; what it says is added to `log`."""
    with log.open("ab") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        yield Process(process.pid)
        if (code := process.poll()) is not None:
            raise SystemExit(f"error: {' '.join(command)} ended by itself: exit code {code}: {log}")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP)
        finally:
            process.kill()


def _cpu(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
