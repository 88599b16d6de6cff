"""What waits to be reconciled: each thing once, however often it was asked for; after a failure
again, later each time.

The rules are those of client-go's workqueue: what is asked for while it is worked on comes again
afterwards, and no two work on one thing at a time.
"""

import asyncio
import heapq
import itertools
import random
import time
from enum import IntEnum

from manor.limits import limits
from manor.objectset.references import Ref


class Urgency(IntEnum):
    """What goes first."""

    NOW = 0
    """Somebody wrote something, and looks at what comes of it."""
    AT_LEISURE = 1
    """All of a kind, since what they have in common changed."""


class Queue:
    """Keys in the order of their urgency, then of their coming."""

    def __init__(self) -> None:
        self._waiting: dict[Ref, Urgency] = {}
        self._order: list[tuple[Urgency, int, Ref]] = []
        self._numbers = itertools.count()
        self._working: set[Ref] = set()
        self._again: dict[Ref, Urgency] = {}
        self._failures: dict[Ref, int] = {}
        self._timers: dict[Ref, asyncio.TimerHandle] = {}
        self._news = asyncio.Event()
        self.since: dict[Ref, float] = {}
        """When each that waits was asked for, by the monotonic clock."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is worked on; what is to come later does not count."""
        return not self._waiting and not self._working

    def add(self, key: Ref, urgency: Urgency = Urgency.NOW) -> None:
        """Ask for `key`."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._working:
            self._again[key] = min(urgency, self._again.get(key, urgency))
            return
        known = self._waiting.get(key)
        if known is not None and known <= urgency:
            return
        self._waiting[key] = urgency
        self.since.setdefault(key, time.monotonic())
        heapq.heappush(self._order, (urgency, next(self._numbers), key))
        self._news.set()

    def later(self, key: Ref, seconds: float) -> None:
        """Ask for `key` in so many seconds, unless it is asked for before."""
        if key in self._waiting or key in self._timers:
            return
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    def _due(self, key: Ref) -> None:
        del self._timers[key]
        self.add(key, Urgency.AT_LEISURE)

    async def take(self, most: int) -> list[Ref]:
        """At least one key, and at most so many, to be worked on; each is to be given to `done`."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        taken: list[Ref] = []
        while self._waiting and len(taken) < most:
            urgency, _, key = heapq.heappop(self._order)
            if self._waiting.get(key) != urgency:  # it became more urgent, and went before
                continue
            del self._waiting[key]
            self._working.add(key)
            taken.append(key)
        return taken

    def is_due(self, key: Ref) -> bool:
        """Whether the key waits or is being worked on."""
        return key in self._waiting or key in self._working

    def is_working(self, key: Ref) -> bool:
        """Whether the key is being worked on."""
        return key in self._working

    def done(self, key: Ref, *, failed: bool = False) -> None:
        """The key was worked on. One that failed comes again by itself, and with some chance in
        the pause, so that those that failed together do not come together."""
        self._working.discard(key)
        self.since.pop(key, None)
        again = self._again.pop(key, None)
        if failed:
            tries = self._failures[key] = self._failures.get(key, 0) + 1
            bounds = limits().operator
            pause = min(bounds.retry * 2 ** (tries - 1), bounds.retry_longest)
            self.later(key, pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        else:
            self._failures.pop(key, None)
        if again is not None and not failed:
            self.add(key, again)

    def forget(self, key: Ref) -> None:
        """The key is no more: nothing of it is remembered."""
        self._failures.pop(key, None)
        self._waiting.pop(key, None)
        self.since.pop(key, None)
        if timer := self._timers.pop(key, None):
            timer.cancel()
