"""A run shown until it ends: how it stands while nothing is said, then its log. Ctrl-C asks."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer
from rich.markup import escape

from manor.api import TrainingJob
from manor.cli.get.trials import listing
from manor.cli.output import ListFormat, echo, err, print_table
from manor.cli.start import INTERRUPTED
from manor.engines import Phase
from manor.jobs import Ending, cancel, find, follow, wait
from manor.kube import Client
from manor.rollout import Standing


async def attend(client: Client, name: str, namespace: str, worker: int = 0) -> int:
    """Show a job until it ends, of a sweep its trials: its exit code; 130 where it was left or
    cancelled."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    with suppress(NotImplementedError):  # not on Windows
        loop.add_signal_handler(signal.SIGINT, stopped.set)
    shows = asyncio.create_task(_show(client, name, namespace, worker))
    stops = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({shows, stops}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        stops.cancel()
    if shows.done():
        return _told(shows.result(), name)
    shows.cancel()
    with suppress(asyncio.CancelledError):
        await shows
    if _wants_cancel():
        await cancel(client, name, namespace)
        err.print("cancelled")
    else:
        words = f"{name} -n {namespace}"
        err.print(f"it goes on; `manor logs -f {words}` follows, `manor cancel {words}` stops it")
    return INTERRUPTED


async def _show(client: Client, name: str, namespace: str, worker: int) -> Ending:
    run = await find(client, name, namespace)
    sweep = isinstance(run.workload, TrainingJob) and run.workload.spec.sweep
    with telling() as told:
        if not sweep:
            async for line in follow(run, worker, told):
                told(None)
                echo(line)
        ending = await wait(run, told)
    if sweep:
        header, *rows = (await listing(client, name, namespace)).lines(ListFormat.table)
        print_table(header, rows)
    return ending


def _told(ending: Ending, name: str) -> int:
    if ending.phase is Phase.COMPLETE:
        err.print(f"{name} [green]succeeded[/]")
    else:
        err.print(f"{name} [bold red]failed[/]: {escape(ending.reason)}")
    return ending.exit_code


def _wants_cancel() -> bool:
    """Whether a person says so; it is left where nobody is there to ask."""
    if not sys.stdin.isatty():
        return False
    try:
        answer = typer.prompt("\nLeave it running, or cancel it? [l/c]", default="l", err=True)
    except typer.Abort:
        return False
    return str(answer).strip().lower().startswith("c")


class Teller:
    """Shows how a run stands: as a live line on a terminal, elsewhere each news once."""

    def __init__(self) -> None:
        self._live = err.status("") if err.is_terminal else None
        self._last = ""
        self._began = False

    def __call__(self, stands: Standing | None) -> None:
        """Show it; None says that its log speaks for itself. Once it has, only what is in the way
        is shown: a run that ends counts no pod as ready for a moment."""
        text = ""
        if stands is None:
            self._began = True
        elif not self._began or (stands.diagnosis and stands.diagnosis.message):
            text = f"{stands.phase.value}: {stands.reason}" if stands.reason else stands.phase.value
        if text == self._last:
            return
        self._last = text
        if self._live is None:
            if text:
                err.print(escape(text))
        elif text:
            self._live.update(escape(text))
            self._live.start()
        else:
            self._live.stop()

    def end(self) -> None:
        """Show nothing any more."""
        if self._live is not None:
            self._live.stop()


@contextmanager
def telling() -> Iterator[Teller]:
    """What tells how a run stands while the block runs."""
    teller = Teller()
    try:
        yield teller
    finally:
        teller.end()
