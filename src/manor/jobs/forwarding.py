"""A port of a pod on this machine, through the API server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from manor.errors import ManorError
from manor.kube import Client, KubeError, Object
from manor.limits import limits

Failed = Callable[[str], None]


class PortTaken(ManorError):
    """The port of this machine cannot be had; the message says why."""


def unsaid(_why: str) -> None:
    """Tells nobody."""


@asynccontextmanager
async def forwarded(
    client: Client, pod: Object, port: int, local_port: int = 0, failed: Failed = unsaid
) -> AsyncIterator[int]:
    """`port` of the pod at 127.0.0.1 while the block runs: the port there, a free one where
    `local_port` is 0. `failed` is told why a connection ended that nobody closed."""
    meta = pod["metadata"]
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        try:
            await _join(client, meta["namespace"], meta["name"], port, reader, writer)
        except (KubeError, ConnectionError) as error:
            failed(str(error))
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(serve, "127.0.0.1", local_port)
    except OSError as error:
        raise PortTaken(f"port {local_port} of this machine: {error.strerror}") from None
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()


async def _join(
    client: Client,
    namespace: str,
    pod: str,
    port: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Carry both ways until either end closes; what comes late for one that has closed, for a
    moment."""
    async with client.forward(namespace, pod, port) as tunnel:

        async def send() -> None:
            while data := await reader.read(limits().jobs.block):
                await tunnel.write(data)

        async def receive() -> None:
            async for data in tunnel:
                writer.write(data)
                await writer.drain()

        sending, receiving = asyncio.create_task(send()), asyncio.create_task(receive())
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            # A browser that has closed hears nothing; the pod is not to count it as there.
            await asyncio.wait_for(receiving, limits().jobs.half_open)
        except TimeoutError:
            pass
        finally:
            for task in (sending, receiving):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError, KubeError):
                    await task
