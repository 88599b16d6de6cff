"""One pod's probes, sent in batches: a process in the pod for each probe would need more memory
than it has."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Batches(Generic[Q, A]):
    """Answers questions by `send`, one batch at a time: what is asked while a batch is under way
    goes into the next."""

    def __init__(self, send: Callable[[list[Q]], Awaitable[list[A]]]) -> None:
        self._send = send
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[Sequence[Q], asyncio.Future[list[A]]]] = []

    async def ask(self, questions: Sequence[Q]) -> list[A]:
        """The answers to `questions`, in their order. Raises what `send` raises."""
        answers: asyncio.Future[list[A]] = asyncio.get_running_loop().create_future()
        self._waiting.append((questions, answers))
        async with self._turn:
            if not answers.done():
                await self._flush()
        return await answers

    async def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            answers = iter(
                await self._send([question for questions, _ in batch for question in questions])
            )
        except Exception as error:  # it belongs to everyone in the batch
            for _, future in batch:
                future.set_exception(error)
            return
        for questions, future in batch:
            future.set_result(list(islice(answers, len(questions))))
