"""A port of a pod on this machine: each connection lasts as long as both ends do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from manor.jobs import forwarded
from manor.kube import Unreachable
from manor.limits import Jobs, override
from waiting import until

pytestmark = pytest.mark.unit

POD = {"metadata": {"name": "notes", "namespace": "vision"}}


class Pod:
    """A client, and the pod behind it, whose port gives back what it gets."""

    def __init__(self, refuses: bool = False) -> None:
        self.open, self.refuses = 0, refuses
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    @asynccontextmanager
    async def forward(self, _namespace: str, _pod: str, _port: int) -> AsyncIterator["Pod"]:
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1

    async def write(self, data: bytes) -> None:
        await self.came.put(data)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.refuses:
            raise Unreachable("connection refused")
        while True:
            yield await self.came.get()


async def has_closed(pod: Pod) -> bool:
    return pod.open == 0


async def test_what_is_closed_here_is_closed_in_the_pod() -> None:
    """A notebook counts whose pages are open."""
    pod: Any = Pod()
    with override(jobs=Jobs(half_open=0.1)):
        async with forwarded(pod, POD, 8888) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            assert pod.open == 1
            writer.close()
            await until("it is closed", lambda: has_closed(pod), 5)


async def test_what_the_pod_refuses_is_told() -> None:
    pod: Any = Pod(refuses=True)
    told: list[str] = []
    async with forwarded(pod, POD, 8888, failed=told.append) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
    assert told == ["connection refused"]
