"""What a node is doing now, for people and programs."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from manor.local import cgroups, lifecycle, processes
from manor.local.node import Node


def describe(node: Node) -> dict[str, Any]:
    """The node, its components and what they hold of memory, in bytes, as plain data."""
    running = processes.is_running(node)
    return {
        "name": node.name,
        "running": running,
        "apiOnly": node.api_only,
        "ephemeral": node.ephemeral,
        "server": node.server,
        "ingress": None if node.api_only else node.ingress,
        "kubeconfig": str(node.files.kubeconfig),
        "memory": _read_total(node) if running else 0,
        "components": _describe_components(node) if running else [],
    }


def _describe_components(node: Node) -> list[dict[str, Any]]:
    host = None if node.api_only else processes.find_in_node(node)
    described = []
    for name, status in lifecycle.read_statuses(node).items():
        inner = status["pid"]
        pid = inner if host is None else host.get(inner)
        described.append(
            {
                "name": name,
                "state": status["state"],
                "seconds": round(time.time() - status["since"], 1),
                "restarts": status["restarts"],
                "lastExit": status["last_exit"],
                "pid": pid,
                "memory": 0 if pid is None else _read_share(pid),
            }
        )
    return described


def _read_total(node: Node) -> int:
    if not node.api_only:
        return cgroups.read_memory(node.cgroup) or 0
    components = (status["pid"] for status in lifecycle.read_statuses(node).values())
    return sum(_read_share(pid) for pid in [processes.supervisor_pid(node), *components] if pid)


def _read_share(pid: int) -> int:
    """A process's proportional share of memory; pages of several are counted in parts."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
