"""The node's control groups: `/manor/<name>`, with its own processes in `system` and the pods
beside it.

Version 1 (one hierarchy a controller) and version 2 (one for all) differ here and nowhere else.
"""

import contextlib
import os
from pathlib import Path

from manor.limits import limits
from manor.polling import wait_until

_MOUNTS = Path("/proc/self/mountinfo")
# Groups of the cpuset controller take no process before their CPUs are set, and the node's own need
# no pinning.
_NOT_FOR_PROCESSES = {"cpuset"}
# Where all else runs beside the group and not in groups, each process has the part of CPU time that
# a whole node would.
_WEIGHTS = {"cpu.shares": "10240", "cpu.weight": "1000"}


def list_hierarchies() -> list[Path]:
    """Where control groups are mounted: one path on version 2, several on version 1."""
    found = []
    for line in _MOUNTS.read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.split()[0] in ("cgroup", "cgroup2"):
            found.append(Path(before.split()[4]))
    return found


def is_version_2() -> bool:
    """Whether this machine has the unified hierarchy alone."""
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def create(group: str) -> list[Path]:
    """Make the node's groups, and return the files into which a process writes its id
    to join them."""
    joining = []
    for hierarchy in list_hierarchies():
        path = hierarchy / group.lstrip("/")
        (path / "system").mkdir(parents=True, exist_ok=True)
        if is_version_2():
            _delegate(hierarchy, path)
        for name, weight in _WEIGHTS.items():
            if (path.parent / name).exists():
                (path.parent / name).write_text(weight)
        if hierarchy.name not in _NOT_FOR_PROCESSES:
            joining.append(path / "system" / "cgroup.procs")
    return joining


def _delegate(hierarchy: Path, path: Path) -> None:
    """Hand every controller down to the children; a group that does may hold no process itself."""
    levels = [
        hierarchy,
        *reversed([parent for parent in path.parents if hierarchy in parent.parents]),
        path,
    ]
    for level in levels:
        controllers = (level / "cgroup.controllers").read_text().split()
        for controller in controllers:
            with contextlib.suppress(OSError):
                (level / "cgroup.subtree_control").write_text(f"+{controller}")


def remove(group: str) -> None:
    """Remove the node's groups, deepest first; their processes may take a moment to be gone."""
    paths = [hierarchy / group.lstrip("/") for hierarchy in list_hierarchies()]

    def removed() -> bool:
        for folder in (folder for path in paths for folder, _, _ in os.walk(path, topdown=False)):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        return not any(path.exists() for path in paths)

    wait_until(removed, timeout=limits().local.stop_component, interval=limits().local.stop_poll)
    for path in paths:
        with contextlib.suppress(OSError):
            path.parent.rmdir()


def read_memory(group: str) -> int | None:
    """Bytes that the node and its pods hold: usage less the file cache that the kernel would drop
    first."""
    for hierarchy in list_hierarchies():
        path = hierarchy / group.lstrip("/")
        for usage in ("memory.current", "memory.usage_in_bytes"):
            if (path / usage).exists():
                lines = (line.split() for line in (path / "memory.stat").read_text().splitlines())
                counted = {name: int(value) for name, value in lines}
                inactive = counted.get("total_inactive_file", counted.get("inactive_file", 0))
                return int((path / usage).read_text()) - inactive
    return None
