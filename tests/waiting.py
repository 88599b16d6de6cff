"""How tests wait: for the thing itself, and never for a time in which it may have come."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(what: str, question: Callable[[], Awaitable[bool]], seconds: float = 120) -> None:
    """Waits until the answer is yes."""
    end = time.monotonic() + seconds
    while not await question():
        assert time.monotonic() < end, f"after {seconds:g} s still not: {what}"
        await asyncio.sleep(0.2)


def until_now(what: str, question: Callable[[], bool], seconds: float = 60) -> None:
    """The same where nothing else goes on meanwhile."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, f"after {seconds:g} s still not: {what}"
        time.sleep(0.1)
