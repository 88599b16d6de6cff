"""A run as it goes on: its log as it comes, and how it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from manor.api import TrainingJob
from manor.engines import Phase
from manor.jobs.targets import ENDED, NoSuchTarget, Run, container_of, exit_code, has_started
from manor.kube import Client, NotFound, Object, Unreachable
from manor.limits import limits
from manor.rollout import Standing

Told = Callable[[Standing], None]


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    phase: Phase
    exit_code: int
    """0 where it succeeded; that of the worker that failed last, or 1 where none says one."""
    reason: str
    """In one line, for a person."""


def untold(_standing: Standing) -> None:
    """Tells nobody."""


async def follow(run: Run, worker: int = 0, told: Told = untold) -> AsyncGenerator[str, None]:
    """The lines of a worker's log as they come, also of those that are started in its place, until
    the run has ended; of a schedule its newest one. `told` is called with how it stands while there
    is no log.

    NoSuchTarget where nothing is made of the run, or all of it is deleted.
    """
    followed: set[str] = set()
    while True:
        stands = await run.standing()  # before its pods: what ends now has all its pods
        if stands.phase is Phase.NOT_APPLIED:
            raise NoSuchTarget(f"{run.name}: nothing runs; it was deleted, or never made")
        pods = [pod for pod in await run.workers(worker) if _uid(pod) not in followed]
        if pod := next(filter(has_started, pods), None):
            followed.add(_uid(pod))
            async with aclosing(log_of(run.client, pod)) as lines:
                async for line in lines:
                    yield line
            continue
        if stands.phase in ENDED:
            _check_begun(run, stands)
            return
        told(stands)
        await asyncio.sleep(limits().jobs.poll)


async def log_of(client: Client, pod: Object) -> AsyncGenerator[str, None]:
    """The lines of a pod's log until it ends, each once, however often the connection breaks."""
    meta, since, here, broken = pod["metadata"], "", 0, 0
    while True:
        again = here  # of the lines of the last moment, so many are told
        try:
            lines = client.follow_log(
                meta["namespace"], meta["name"], container=container_of(pod), since=since
            )
            async with aclosing(lines) as coming:
                async for moment, text in coming:
                    if moment < since or (moment == since and again):
                        again -= moment == since
                        continue
                    since, here, broken = moment, here + 1 if moment == since else 1, 0
                    yield text
            return
        except NotFound:
            return
        except Unreachable:
            broken += 1
            if broken > limits().jobs.reconnects:
                raise
            await asyncio.sleep(limits().jobs.poll)


async def wait(run: Run, told: Told = untold) -> Ending:
    """How the run ends, once it has; of a schedule its newest one. NoSuchTarget where it is deleted
    before, or there is none yet."""
    while True:
        stands = await run.standing()
        if stands.phase in ENDED:
            return await _ending(run, stands)
        if stands.phase is Phase.NOT_APPLIED:
            raise NoSuchTarget(f"{run.name}: nothing runs; it was deleted, or never made")
        told(stands)
        await asyncio.sleep(limits().jobs.poll)


async def _ending(run: Run, stands: Standing) -> Ending:
    _check_begun(run, stands)
    phase = stands.run.phase if stands.run else stands.phase
    if phase is Phase.COMPLETE:
        return Ending(phase, 0, stands.reason)
    codes = [code for pod in await run.pods() if (code := exit_code(pod))]
    return Ending(phase, codes[-1] if codes else 1, stands.reason)


def _check_begun(run: Run, stands: Standing) -> None:
    scheduled = isinstance(run.workload, TrainingJob) and run.workload.spec.schedule
    if scheduled and stands.run is None:
        raise NoSuchTarget(f"no run of {run.name} is there: {stands.reason}")


def _uid(pod: Object) -> str:
    return str(pod["metadata"]["uid"])
