"""Looking again and again until something is so: the loop that waits for what tells nobody when it
happens."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
GROWTH = 1.5
"""How much longer each pause is than the one before, up to the longest."""


async def poll_until(
    done: Callable[[T], object],
    look: Callable[[], Awaitable[T]],
    *,
    timeout: float,
    interval: float,
    longest: float | None = None,
) -> T:
    """What `look` says once it is `done`; what it said last, where it is not within `timeout`
    seconds.

    It looks once at least. The first pause is `interval` seconds; with `longest`, the pauses grow
    up to it.
    """
    began = time.monotonic()
    while not done(found := await look()) and time.monotonic() - began < timeout:
        await asyncio.sleep(interval)
        interval = min(interval * GROWTH, longest or interval)
    return found


def wait_until(done: Callable[[], bool], *, timeout: float, interval: float) -> bool:
    """Whether it is `done` within `timeout` seconds; for what runs in no event loop."""
    began = time.monotonic()
    while not (so := done()) and time.monotonic() - began < timeout:
        time.sleep(interval)
    return so
