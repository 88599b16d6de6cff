"""Progress of long work: named tasks with their elapsed time, live on a terminal, plain lines
elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Task:
    """One piece of work that is under way."""

    def __init__(self, name: str, show: Callable[[str], None]) -> None:
        self.name = name
        self._show = show
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the task began."""
        return time.monotonic() - self._started

    def update(self, text: str) -> None:
        """Say in a few words what is being done now."""
        self._show(text)


class Report:
    """Where tasks are shown: a live line each on a terminal, else one plain line an update."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._console = Console(file=self._stream, highlight=False)

    def note(self, text: str) -> None:
        """Show a line that belongs to no task."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def task(self, name: str) -> Iterator[Task]:
        """Show a task while the block runs, and at its end its name and time, or that it failed."""
        with self._display(name) as show:
            task = Task(name, show)
            try:
                yield task
            except BaseException:
                outcome = "failed after"
                raise
            else:
                outcome = "done in"
            finally:
                ending = f"{name}: {outcome} {format_seconds(task.elapsed)}"
                self.note(ending)

    @contextmanager
    def _display(self, name: str) -> Iterator[Callable[[str], None]]:
        if not self._console.is_terminal:
            yield lambda text: self.note(f"{name}: {text}")
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(name)
            yield lambda text: progress.update(task, description=f"{name}: {text}")


def format_seconds(seconds: float) -> str:
    """A duration for people: `4.2 s`, or `3 min 20 s` from a minute on."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
