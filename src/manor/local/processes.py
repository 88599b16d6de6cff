"""The process that holds a node: started detached from whoever ran `up`, found again later, ended
with all below it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from manor.limits import limits
from manor.local import cgroups
from manor.local.errors import NodeNotRunning
from manor.local.node import Node, write_file
from manor.polling import wait_until

# What a session on a terminal sends to its children must not reach the node: it has a session of
# its own, and joins its control groups before anything of it can fork.
_JOIN_AND_RUN = 'for file in $JOIN; do echo $$ > "$file"; done; unset JOIN; exec "$@"'


def start(node: Node) -> None:
    """Start the supervisor: in namespaces of its own, or, with an API server alone, as a plain
    process."""
    argv = [sys.executable, "-m", "manor.local.supervisor", node.name]
    joining: list[Path] = []
    if not node.api_only:
        joining = cgroups.create(node.cgroup)
        # `ip netns exec` would mount a new /sys, which hides the control groups from the kubelet.
        enter = ["nsenter", f"--net=/run/netns/{node.namespace}"]
        argv = [
            *enter,
            "unshare",
            "--pid",
            "--mount",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child",
            *argv,
        ]
    log = os.open(node.files.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    node.files.status.unlink(missing_ok=True)
    node.files.complete.unlink(missing_ok=True)
    process = subprocess.Popen(
        ["sh", "-c", _JOIN_AND_RUN, "sh", *argv],
        env={**os.environ, "JOIN": " ".join(map(str, joining))},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        start_new_session=True,
    )
    os.close(log)
    record = {"pid": process.pid, "started": _started(process.pid), "boot": _boot()}
    write_file(node.files.process, json.dumps(record) + "\n")


def is_running(node: Node) -> bool:
    """Whether the recorded process is there: the same one, not another that was given
    its number."""
    try:
        record = json.loads(node.files.process.read_text())
    except FileNotFoundError:
        return False
    return bool(record["boot"] == _boot() and record["started"] == _started(record["pid"]))


def supervisor_pid(node: Node) -> int:
    """The supervisor's process id, as the host counts."""
    if not is_running(node):
        raise NodeNotRunning(
            f"node {node.name!r} is not running; `manor local up --name {node.name}` starts it"
        )
    pid = int(json.loads(node.files.process.read_text())["pid"])
    if node.api_only:
        return pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


def stop(node: Node, *, kill: bool) -> None:
    """End the node's processes: all at once with `kill`, else after the components
    ended orderly."""
    if is_running(node):
        with suppress(ProcessLookupError):
            os.kill(supervisor_pid(node), signal.SIGKILL if kill else signal.SIGTERM)
        if not _wait(lambda: not is_running(node)):
            os.kill(supervisor_pid(node), signal.SIGKILL)
            _wait(lambda: not is_running(node))
    if not node.api_only:
        _kill_strays(node)
    node.files.process.unlink(missing_ok=True)


def _kill_strays(node: Node) -> None:
    """End what is in the node's network namespace still, should the record of its process have been
    lost."""
    if not Path(f"/run/netns/{node.namespace}").exists():
        return

    def list_strays() -> list[int]:
        found = subprocess.run(
            ["ip", "netns", "pids", node.namespace], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split()]

    for pid in list_strays():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _wait(lambda: not list_strays())


def find_in_node(node: Node) -> dict[int, int]:
    """Host process ids of everything in the node's PID namespace, by their ids in there."""
    namespace = Path(f"/proc/{supervisor_pid(node)}/ns/pid").readlink()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "ns/pid").readlink() == namespace:
                lines = (process / "status").read_text().splitlines()
                numbers = next(line.split() for line in lines if line.startswith("NSpid:"))
                found[int(numbers[-1])] = int(process.name)
    return found


def enter(node: Node, *argv: str) -> list[str]:
    """The command line that runs `argv` in the node's namespaces."""
    nsenter = shutil.which("nsenter") or "nsenter"
    return [
        nsenter,
        f"--target={supervisor_pid(node)}",
        "--mount",
        "--net",
        "--pid",
        "--uts",
        "--ipc",
        "--",
        *argv,
    ]


def _wait(condition: Callable[[], bool]) -> bool:
    return wait_until(condition, timeout=limits().local.stop, interval=limits().local.stop_poll)


def _started(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None where there is none, or only its
    remains."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses and may itself hold any character.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
