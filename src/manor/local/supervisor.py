"""Keeps a node's components running: `python -m manor.local.supervisor NAME`.

It is the first process of the node's PID namespace, so everything ends with it, and it reaps what
nobody else does. With an API server alone there is no such namespace: there the children ask the
kernel to be killed with it.
"""

import asyncio
import json
import math
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from manor.limits import limits
from manor.local import mounts
from manor.local.components import Component, list_components
from manor.local.node import Node, load_node, write_file
from manor.local.probes import is_ready
from manor.polling import poll_until


@dataclass
class ComponentStatus:
    """What the status file says of a component; `since` is in seconds since the epoch."""

    state: str = "waiting"
    since: float = 0.0
    pid: int | None = None
    restarts: int = 0
    last_exit: str = ""


class Supervisor:
    """Starts components in order and starts them again when they end."""

    def __init__(self, node: Node, components: list[Component]) -> None:
        self._node = node
        self._components = components
        self._statuses = {component.name: ComponentStatus() for component in components}
        self._ready = {component.name: asyncio.Event() for component in components}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._path = os.pathsep.join(
            [node.bin, *_find_compiler(), os.environ.get("PATH", os.defpath)]
        )

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        tasks = [asyncio.create_task(self._keep(component)) for component in self._components]
        tasks.append(asyncio.create_task(self._limit_logs()))
        tasks.append(asyncio.create_task(_finish(stopped)))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await self._stop_all()
        for task in done:
            task.result()

    async def _keep(self, component: Component) -> None:
        for name in component.after:
            await self._ready[name].wait()
        bounds = limits().local
        pause = bounds.restart_pause
        while True:
            started = time.monotonic()
            exited = self._start(component)
            probing = asyncio.create_task(_await_ready(component.ready))
            await _first(exited, probing)
            if not exited.done():
                self._record(component, state="ready")
                self._ready[component.name].set()
            outcome = _describe_exit(await exited)
            probing.cancel()
            if time.monotonic() - started > bounds.restart_forgiven:
                pause = bounds.restart_pause
            status = self._statuses[component.name]
            self._record(
                component,
                state="restarting",
                pid=None,
                restarts=status.restarts + 1,
                last_exit=outcome,
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, bounds.restart_pause_longest)

    def _start(self, component: Component) -> asyncio.Future[int]:
        argv = list(component.argv)
        if self._node.api_only:
            argv = ["setpriv", "--pdeathsig", "KILL", *argv]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, self._log(component.name), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        environment = {**os.environ, "PATH": self._path, **component.environment}
        pid = os.posix_spawnp(
            argv[0], argv, environment, file_actions=actions, setsid=True, setsigdef=range(1, 32)
        )
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._exits[pid] = exited
        self._record(component, state="starting", pid=pid)
        return exited

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if exited := self._exits.pop(pid, None):
                    exited.set_result(status)

    def _record(self, component: Component, **changes: object) -> None:
        status = self._statuses[component.name]
        for key, value in {"since": time.time(), **changes}.items():
            setattr(status, key, value)
        components = {name: asdict(status) for name, status in self._statuses.items()}
        write_file(self._node.files.status, json.dumps({"components": components}, indent=2) + "\n")

    async def _stop_all(self) -> None:
        exits = dict(self._exits)
        for number in (signal.SIGTERM, signal.SIGKILL):
            waiting = {pid: exited for pid, exited in exits.items() if not exited.done()}
            for pid in waiting:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            if waiting:
                await asyncio.wait(waiting.values(), timeout=limits().local.stop_component)

    def _log(self, name: str) -> Path:
        return self._node.files.logs / f"{name}.log"

    async def _limit_logs(self) -> None:
        """Keep one older part beside each log; the components append, so that
        truncation is safe."""
        while True:
            await asyncio.sleep(limits().local.log_poll)
            for component in self._components:
                log = self._log(component.name)
                if log.exists() and log.stat().st_size > limits().local.log:
                    shutil.copyfile(log, log.with_suffix(".1.log"))
                    os.truncate(log, 0)


async def _first(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def _finish(stopped: asyncio.Event) -> None:
    await stopped.wait()


async def _await_ready(url: str) -> None:
    await poll_until(
        bool, partial(is_ready, url), timeout=math.inf, interval=limits().local.start_poll
    )


def _find_compiler() -> list[str]:
    """Where `clang` is found by that very name, which Cilium's agent calls; Debian's packages have
    it beside."""
    for name in ("clang", "clang-20", "clang-19", "clang-18"):
        if found := shutil.which(name):
            return [str(Path(found).resolve().parent)]
    return []


def _describe_exit(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit {os.waitstatus_to_exitcode(status)}"


def main() -> None:
    """Run the node named on the command line."""
    node = load_node(sys.argv[1])
    if not node.api_only:
        mounts.prepare(node)
    asyncio.run(Supervisor(node, list_components(node)).run())


if __name__ == "__main__":
    main()
