"""A command in a container, joined to the standard streams of this process."""

import asyncio
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from manor.kube import STDOUT, Client, Object, Process
from manor.limits import limits


async def converse(client: Client, pod: Object, container: str, command: Sequence[str]) -> int:
    """Run it, and pass on bytes both ways: its exit code. It has a terminal where we have one."""
    tty, meta = sys.stdin.isatty() and sys.stdout.isatty(), pod["metadata"]
    async with client.start(
        meta["namespace"], meta["name"], command, container=container, tty=tty
    ) as process:
        with _raw(tty):
            told = asyncio.create_task(_tell(process, tty=tty))
            async for channel, data in process:
                stream = sys.stdout.buffer if channel == STDOUT else sys.stderr.buffer
                stream.write(data)
                stream.flush()
            told.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await told
    return process.exit_code


async def _tell(process: Process, *, tty: bool) -> None:
    """Give it what comes on standard input, and the size of the terminal."""
    loop, given = asyncio.get_running_loop(), asyncio.Queue[bytes]()
    file, block = sys.stdin.fileno(), limits().jobs.block

    def read() -> None:
        # A thread of its own: no loop waits for files, and nothing waits for this at the end.
        with suppress(OSError, RuntimeError):
            while data := os.read(file, block):
                loop.call_soon_threadsafe(given.put_nowait, data)
            loop.call_soon_threadsafe(given.put_nowait, b"")

    async def resize() -> None:
        size = shutil.get_terminal_size()
        await process.resize(size.columns, size.lines)

    if tty:
        sizes: set[asyncio.Task[None]] = set()
        loop.add_signal_handler(signal.SIGWINCH, lambda: sizes.add(asyncio.create_task(resize())))
        await resize()
    threading.Thread(target=read, daemon=True).start()
    while data := await given.get():
        await process.write(data)
    await process.end_input()


@contextmanager
def _raw(tty: bool) -> Iterator[None]:
    """Every key goes to the command as it is pressed, Ctrl-C too."""
    if not tty:
        yield
        return
    import termios  # not on Windows
    import tty as modes

    before = termios.tcgetattr(sys.stdin)
    modes.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
