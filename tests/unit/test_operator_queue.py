"""What waits to be reconciled."""

import asyncio

import pytest

from manor.limits import Operator, override
from manor.objectset.references import Ref
from manor.operator.queue import Queue, Urgency

pytestmark = pytest.mark.unit


def key(name: str) -> Ref:
    return Ref("manor.dev", "Tenant", "", name)


async def test_each_waits_once_and_the_urgent_go_first() -> None:
    queue = Queue()
    for name in ("a", "b", "c"):
        queue.add(key(name), Urgency.AT_LEISURE)
    queue.add(key("b"), Urgency.AT_LEISURE)
    queue.add(key("c"))
    assert [ref.name for ref in await queue.take(9)] == ["c", "a", "b"]
    assert len(queue) == 0


async def test_what_is_asked_for_while_worked_on_comes_again_afterwards() -> None:
    queue = Queue()
    queue.add(key("a"))
    await queue.take(1)
    queue.add(key("a"))
    assert len(queue) == 0
    queue.done(key("a"))
    assert await queue.take(1) == [key("a")]
    queue.done(key("a"))
    assert queue.idle


async def test_what_failed_comes_again_later_each_time() -> None:
    with override(operator=Operator(retry=0.02, retry_longest=0.08)):
        queue, loop = Queue(), asyncio.get_running_loop()
        queue.add(key("a"))
        pauses = []
        for _ in range(4):
            await queue.take(1)
            began = loop.time()
            queue.done(key("a"), failed=True)
            await asyncio.wait_for(_waits(queue), 5)
            pauses.append(loop.time() - began)
    assert all(
        pause >= least for pause, least in zip(pauses, (0.01, 0.02, 0.04, 0.04), strict=True)
    )


async def _waits(queue: Queue) -> None:
    while not len(queue):
        await asyncio.sleep(0.001)


async def test_news_ends_the_pause_of_what_failed() -> None:
    queue = Queue()
    queue.add(key("a"))
    await queue.take(1)
    queue.done(key("a"), failed=True)
    queue.add(key("a"))
    assert await asyncio.wait_for(queue.take(1), 1) == [key("a")]


async def test_what_is_forgotten_does_not_come_again() -> None:
    with override(operator=Operator(retry=0.01)):
        queue = Queue()
        queue.add(key("a"))
        await queue.take(1)
        queue.done(key("a"), failed=True)
        queue.forget(key("a"))
        await asyncio.sleep(0.05)
    assert queue.idle
