"""Runs a workspace's IDE, sees whether anybody or anything is at work in it, and ends it otherwise.

Runs in the workspace's own container, beside the IDE, with the standard library alone (Python 3.9
or later): any image with Python will do. What counts as work is told by the kernel of the machine
and by Jupyter, so that it is the same for every IDE:

    kernels     of Jupyter, that are busy
    terminals   in which anything but their shell runs
    CPU         more than a tenth of a core
    GPU         any use of one, as NVML tells it

A person is seen by what they do (a key in a terminal, a cell in Jupyter) and by an open page. A
page that is open and left alone counts for `READING` times as long as nothing at all.

    python3 attendant.py            run the IDE, until it ends, is idle, or has run for its lifetime
    python3 attendant.py token      print the token of this start
    python3 attendant.py ready      exit with 0 once the IDE answers
    python3 attendant.py gpu        print the use of the GPUs in percent, or nothing
"""

from __future__ import annotations

import calendar
import ctypes
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READING = 4
"""So many times `idle` an open page keeps a workspace in which nothing else happens."""
BUSY_CPU = 0.1
"""Cores; an IDE that is left alone takes a fiftieth."""
LOOKS = 20
"""Looks in the time after which it stops."""
LONGEST_PAUSE = 30.0
"""Seconds between two looks, at the most."""
LONGEST_WARNING = 600.0
"""Seconds from the warning to the end, at the most; a quarter of `idle` where that is less."""
GOODBYE = 20.0
"""Seconds that the IDE has to end by itself."""

STATE = Path(os.environ.get("MANOR_STATE", "/tmp/.manor"))  # noqa: S108 - the pod's own
LAST_WORDS = Path("/dev/termination-log")
TERMINALS = Path("/dev/pts")
NOTICE = "THIS WORKSPACE STOPS SOON.txt"
"""A file in the home, while it is so."""


@dataclass(frozen=True)
class Settings:
    """What the ConfigMap says."""

    command: list[str]
    port: int
    idle: float
    """Seconds."""
    lifetime: float
    """Seconds."""

    @property
    def pause(self) -> float:
        """Seconds between two looks."""
        return min(LONGEST_PAUSE, self.idle / LOOKS)

    @property
    def warning(self) -> float:
        """Seconds from the warning to the end."""
        return min(LONGEST_WARNING, self.idle / 4)


def processes() -> list[list[str]]:
    """Of each process that can be seen: its ID, its name and the fields of its `stat` behind."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            head, _, rest = path.read_text(errors="replace").rpartition(")")
            pid, _, name = head.partition(" (")
            found.append([pid, name, *rest.split()])
    return found


def in_terminals() -> list[str]:
    """The names of what runs in terminals beside their shells, in the foreground or behind."""
    names = []
    for pid, name, state, _, _, session, terminal, *_ in processes():
        if terminal != "0" and pid != session and state not in ("Z", "X"):
            names.append(name)
    return names


def reap(but: int) -> None:
    """Take leave of what has ended and was left to us, as the first process of the container; `but`
    is the IDE, whose end is awaited elsewhere."""
    for pid, _, state, parent, *_ in processes():
        if state == "Z" and parent == str(os.getpid()) and pid != str(but):
            with suppress(ChildProcessError):
                os.waitpid(int(pid), os.WNOHANG)


def typed() -> float:
    """When something was last read from a terminal's keyboard, in seconds of the epoch; 0 where
    never."""
    moments = [0.0]
    for path in TERMINALS.glob("[0-9]*"):
        with suppress(OSError):
            moments.append(path.stat().st_atime)
    return max(moments)


def connections(port: int) -> int:
    """How many TCP connections to the port stand."""
    count = 0
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                count += state == "01" and int(local.rpartition(":")[2], 16) == port
    return count


def cpu_seconds() -> float | None:
    """How long the container's processes have used a core; None where nobody says it."""
    with suppress(OSError, ValueError):
        for line in Path("/sys/fs/cgroup/cpu.stat").read_text().splitlines():
            if line.startswith("usage_usec "):
                return int(line.split()[1]) / 1e6
    with suppress(OSError, ValueError):
        return int(Path("/sys/fs/cgroup/cpuacct/cpuacct.usage").read_text()) / 1e9
    return None


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


def gpu_use() -> int | None:
    """The highest use of a GPU that can be seen, in percent; None where there is none, or none
    tells it (a part of one by MIG does not: it is seen by its program's CPU)."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    if nvml.nvmlInit_v2():
        return None
    try:
        count, told = ctypes.c_uint(), []
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            return None
        for index in range(count.value):
            device, use = ctypes.c_void_p(), _Utilization()
            if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)):
                continue
            if not nvml.nvmlDeviceGetUtilizationRates(device, ctypes.byref(use)):
                told.append(int(use.gpu))
        return max(told, default=None)
    finally:
        nvml.nvmlShutdown()


def kernels(port: int, token: str) -> list[dict[str, Any]]:
    """Jupyter's kernels; none where the IDE is not Jupyter.

    Its `/api/status` tells of no more: what an open page asks by itself counts as activity there.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        headers = {"Authorization": f"token {token}"}
        connection.request("GET", "/api/kernels?no_track_activity=1", headers=headers)
        answer = connection.getresponse()
        known = json.loads(answer.read()) if answer.status == http.HTTPStatus.OK else []
    except (OSError, ValueError, http.client.HTTPException):
        return []
    finally:
        connection.close()
    listed = known if isinstance(known, list) else []
    return [kernel for kernel in listed if isinstance(kernel, dict)]


def busy(found: list[dict[str, Any]]) -> int:
    """How many kernels are at work."""
    return sum(kernel.get("execution_state") in ("busy", "starting") for kernel in found)


def used(found: list[dict[str, Any]]) -> float:
    """When a kernel last did something, in seconds of the epoch; 0 where none did."""
    moments = [0.0]
    for kernel in found:
        with suppress(TypeError, KeyError, ValueError):
            moment = time.strptime(kernel["last_activity"][:19], "%Y-%m-%dT%H:%M:%S")
            moments.append(calendar.timegm(moment))
    return max(moments)


@dataclass
class Watch:
    """What was seen, and when it is to end."""

    settings: Settings
    token: str
    started: float
    """All moments are seconds of the epoch."""
    worked: float = field(init=False)
    """When something was last at work, or somebody did something."""
    present: float = field(init=False)
    """When a page was last open."""
    why: str = ""
    """What was at work when it was last looked."""
    _cpu: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        self.worked = self.present = self.started

    def look(self, now: float) -> None:
        """See who and what is there."""
        settings = self.settings
        # Before we ask Jupyter ourselves, over the same port.
        if connections(settings.port):
            self.present = now
        found = kernels(settings.port, self.token)
        signs = {
            "kernels": busy(found),
            "terminals": ", ".join(in_terminals()[:3]),
            "cores": cores if (cores := self._cores(now)) > BUSY_CPU else 0,
            "GPU percent": gpu_use(),
        }
        self.why = "; ".join(f"{name}: {sign}" for name, sign in signs.items() if sign)
        self.worked = max(self.worked, typed(), used(found), now if self.why else 0.0)

    def _cores(self, now: float) -> float:
        """How many cores were used since the last look."""
        taken, before = cpu_seconds(), self._cpu
        self._cpu = None if taken is None else (now, taken)
        if taken is None or before is None or now <= before[0]:
            return 0.0
        return round((taken - before[1]) / (now - before[0]), 2)

    @property
    def seen(self) -> float:
        """Since when nobody and nothing is there."""
        idle = self.settings.idle
        return min(max(self.worked, self.present), self.worked + (READING - 1) * idle)

    @property
    def ends(self) -> float:
        """When it is to end, if nothing happens."""
        return min(self.seen + self.settings.idle, self.started + self.settings.lifetime)

    @property
    def reason(self) -> str:
        """Why it is to end then."""
        if self.ends < self.seen + self.settings.idle:
            return f"it has run since {clock(self.started)}, as long as it may"
        return f"nothing has happened in it since {clock(self.worked)}"


def clock(moment: float) -> str:
    """A moment as a person reads it."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))


def warn(text: str, home: Path) -> None:
    """Tell everybody who may be there: in the log, in the terminals, as a file in the home."""
    print(text, flush=True)
    with suppress(OSError):
        (home / NOTICE).write_text(f"{text}\n")
    for path in TERMINALS.glob("[0-9]*"):
        with suppress(OSError):
            terminal = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                os.write(terminal, f"\r\n*** {text}\r\n".encode())
            finally:
                os.close(terminal)


def unwarn(home: Path) -> None:
    """What was told is so no more."""
    with suppress(OSError):
        (home / NOTICE).unlink()


def last_words(text: str) -> None:
    """What the pod's status says of its end."""
    print(text, flush=True)
    with suppress(OSError):
        LAST_WORDS.write_text(text)


def end(ide: subprocess.Popen[bytes]) -> int:
    """End the IDE with all that is its: its exit code."""
    with suppress(ProcessLookupError):
        os.killpg(ide.pid, signal.SIGTERM)
    try:
        return ide.wait(GOODBYE)
    except subprocess.TimeoutExpired:
        os.killpg(ide.pid, signal.SIGKILL)
        return ide.wait()


class _Told(Exception):
    """The kubelet ends the pod."""


def _on_term(_signal: int, _frame: object) -> None:
    raise _Told


def attend(settings: Settings, home: Path) -> int:
    """Run the IDE until it ends, is idle, has run for its lifetime, or is told to end: the exit
    code, which is 0 where it needs not be started again."""
    token = secrets.token_urlsafe(32)
    STATE.mkdir(mode=0o700, exist_ok=True)
    (STATE / "token").touch(mode=0o600)
    (STATE / "token").write_text(token)
    given = {"MANOR_PORT": str(settings.port), "MANOR_TOKEN": token}
    command = settings.command
    for name, value in given.items():
        command = [word.replace(f"$({name})", value) for word in command]
    unwarn(home)
    signal.signal(signal.SIGTERM, _on_term)
    ide = subprocess.Popen(
        command, env={**os.environ, **given, "JUPYTER_TOKEN": token}, start_new_session=True
    )
    watch = Watch(settings, token, time.time())
    try:
        return _attend(settings, home, ide, watch)
    except _Told:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end(ide)
        # Not 0: what was evicted is to come again.
        return 128 + signal.SIGTERM


def _attend(settings: Settings, home: Path, ide: subprocess.Popen[bytes], watch: Watch) -> int:
    warned: float | None = None
    while True:
        try:
            code = ide.wait(settings.pause)
        except subprocess.TimeoutExpired:
            pass
        else:
            if code == 0:
                last_words("it was shut down from within")
            return code if code >= 0 else 128 - code
        reap(ide.pid)
        now = time.time()
        watch.look(now)
        if watch.ends - now > settings.warning:
            if warned is not None:
                print(f"it goes on: {watch.why or 'somebody is there'}", flush=True)
                unwarn(home)
            warned = None
        elif warned is None:
            warned = now
            when = clock(max(watch.ends, now + settings.warning))
            warn(f"This workspace stops at {when}: {watch.reason}. Its home stays.", home)
        elif now >= max(watch.ends, warned + settings.warning):
            unwarn(home)
            end(ide)
            last_words(watch.reason)
            return 0


def ready(port: int) -> int:
    """0 where something answers on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return 1
    return 0


def main() -> int:
    """Do what the words say."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    if asked == "gpu":
        if (use := gpu_use()) is not None:
            print(use)
        return 0
    if asked == "token":
        print((STATE / "token").read_text())
        return 0
    settings = Settings(**json.loads((Path(__file__).parent / "workspace.json").read_text()))
    if asked == "ready":
        return ready(settings.port)
    return attend(settings, Path(os.environ["HOME"]))


if __name__ == "__main__":
    sys.exit(main())
