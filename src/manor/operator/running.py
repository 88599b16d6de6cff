"""The operator from its start to its end."""

import asyncio
import os
import signal
import socket
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from manor.kube import Client
from manor.operator.controller import Controller
from manor.operator.election import Election
from manor.operator.metrics import Metrics
from manor.operator.serving import serving
from manor.operator.tracing import tracing


async def run(kubeconfig: Path | None, context: str | None, *, port: int, elect: bool) -> None:
    """Reconcile until SIGTERM or SIGINT; with `elect` only while no other replica does. Raises
    LeadershipLost and manor.kube's errors."""
    metrics = Metrics()
    with tracing():
        async with Client.connect(kubeconfig, context) as client:
            controller = Controller(client, metrics)
            metrics.waiting.set_function(lambda: len(controller.queue))
            # A replica that waits for its turn is ready to have it.
            async with serving(port, metrics, lambda: elect or controller.synced.is_set()):
                await _until_told(_work(client, controller, metrics, elect=elect))


async def _work(client: Client, controller: Controller, metrics: Metrics, *, elect: bool) -> None:
    identity = os.environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}"
    election = Election(client, identity)

    async def lead() -> None:
        metrics.leader.set(1)
        await controller.run(election.before or {})

    await (election.lead(lead()) if elect else lead())


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends or a signal says so."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
