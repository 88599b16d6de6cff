"""How far files are, on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from manor.cli.output import err
from manor.jobs import Moved

WIDTH = 40


@contextmanager
def moving() -> Iterator[Moved]:
    """Shows a bar for each file that is on its way while the block runs."""
    columns = TextColumn("{task.description}"), BarColumn(24), DownloadColumn()
    with Progress(
        *columns, TransferSpeedColumn(), console=err, transient=True, disable=not err.is_terminal
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def moved(name: str, there: int, of: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(escape(name[-WIDTH:]), total=of)
            bar.update(tasks[name], completed=there, visible=there < of)

        yield moved
