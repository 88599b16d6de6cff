"""Processes that run beside what is measured: one that floods the API server, one that only uses
the CPU."""

import asyncio
import itertools
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from manor.kube.connection import open_connection

CONNECTIONS = 64
NICE = 19
LEAD = 2.0
"""Seconds that a process runs before anything is measured beside it."""


@dataclass
class Flood:
    """What a flooding client got done."""

    seconds: float
    cpu_seconds: float
    answers: Counter[str]


def step_back() -> None:
    """Gives this process the CPU only when nobody else wants it."""
    os.nice(NICE)
    autogroup = Path("/proc/self/autogroup")
    if autogroup.exists():  # Linux weighs sessions against each other, and niceness within one only
        os.setsid()
        autogroup.write_text(str(NICE))


def flood(pipe: Pipe, kubeconfig: Path, tenant: str) -> None:
    """A client that lists and writes the tenant's ConfigMaps without a pause, until it is told to
    stop."""
    step_back()
    pipe.send(asyncio.run(_flood(pipe, kubeconfig, tenant)))


async def _flood(pipe: Pipe, kubeconfig: Path, tenant: str) -> Flood:
    connection = await open_connection(kubeconfig, None)
    headers = {
        "Impersonate-User": f"{tenant}-user",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
    }
    headers["Authorization"] = await connection.authorization() or ""
    merge = {**headers, "Content-Type": "application/merge-patch+json"}
    url = f"{connection.server}/api/v1/namespaces/{tenant}/configmaps"
    answers: Counter[str] = Counter()

    async def hammer(number: int) -> None:
        for turn in itertools.count(number):
            if turn % 2:
                call = connection.session.get(
                    url, headers=headers, auto_decompress=False, **connection.options
                )
            else:
                body = json.dumps({"data": {"turn": str(turn)}}).encode()
                one = f"{url}/object-{number}"
                call = connection.session.patch(one, data=body, headers=merge, **connection.options)
            async with call as answer:
                await answer.read()
                answers[f"{'list' if turn % 2 else 'write'} {answer.status}"] += 1

    async with connection.session:
        began, cpu = time.monotonic(), time.process_time()
        tasks = [asyncio.create_task(hammer(number)) for number in range(CONNECTIONS)]
        pipe.send("begun")
        stop = asyncio.create_task(asyncio.to_thread(pipe.recv))
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a worker ends by an error only
        for task in tasks:
            task.cancel()
    return Flood(time.monotonic() - began, time.process_time() - cpu, answers)


def burn(pipe: Pipe, share: float) -> None:
    """Uses `share` of a core, in slices of 10 ms, and no network, until it is told to stop."""
    step_back()
    pipe.send("begun")
    while not pipe.poll():
        began, cpu = time.monotonic(), time.process_time()
        while time.process_time() - cpu < 0.01 * share:
            pass
        time.sleep(max(0.0, began + 0.01 - time.monotonic()))
    pipe.send(None)


@asynccontextmanager
async def beside(target: Callable[..., None], *arguments: object) -> AsyncIterator[list[Flood]]:
    """A process that runs `target` while the block runs; what it got done is in the list
    afterwards."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=target, args=(there, *arguments), daemon=True)
    process.start()
    there.close()
    result: list[Flood] = []
    try:
        await asyncio.to_thread(here.recv)
        await asyncio.sleep(LEAD)
        yield result
        here.send("stop")
        result.append(await asyncio.to_thread(here.recv))
    finally:
        process.terminate()
        process.join()
