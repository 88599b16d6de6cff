"""What the commands print: objects as YAML or JSON on stdout, everything else on stderr, errors in
one form.

All of it goes out through `err`, `out` and `echo`, which show control characters instead of sending
them.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from enum import StrEnum
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from manor import log
from manor.cli.start import INTERRUPTED
from manor.cli.yaml_stream import documents
from manor.errors import ManorError
from manor.kube import Object
from manor.visible import visible, visible_json

P = ParamSpec("P")
T = TypeVar("T")

EXIT_FAILED = 1
"""Exit code of what was tried and did not come out as it must."""
EXIT_ERROR = 2
"""Exit code of bad input and of anything that stopped a command, as of `kubectl diff` (1 means
differences)."""


class SafeConsole(Console):
    """A console to which text is text: the only control sequences it sends are its own."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as it is laid out: at the width that its escapes take."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """What is printed of anything, also of what was never a plain text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


err = SafeConsole(stderr=True, highlight=False, soft_wrap=True)
out = SafeConsole(highlight=False, width=None if sys.stdout.isatty() else 160)


class Warnings:
    """Shows what the API server warns of, each warning once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, text: str) -> None:
        """Show one."""
        if text not in self._told:
            self._told.add(text)
            err.print(f"[yellow]warning[/]: {escape(text)}")


def echo(text: str) -> None:
    """Print text as it is, on stdout."""
    typer.echo(visible(text), nl=not text.endswith("\n"))


def to_yaml(objects: Iterable[Object]) -> str:
    """Objects as a YAML stream."""
    return "".join(documents(objects))


def to_json(objects: Iterable[Object]) -> str:
    """Objects as a Kubernetes List."""
    return visible_json({"apiVersion": "v1", "kind": "List", "items": list(objects)}) + "\n"


def print_error(message: str) -> None:
    """Print what went wrong, a line each, on stderr."""
    for line in message.splitlines():
        err.print(f"[bold red]error:[/] {escape(line)}")


def print_warning(message: str) -> None:
    """Print what speaks against something, and stops nothing, on stderr."""
    for line in message.splitlines():
        err.print(f"warning: {line}", markup=False)


def ask_before_removal(what: str) -> None:
    """Say what will be removed, and ask; without a terminal nobody can answer, and nothing is
    removed."""
    err.print(what, markup=False)
    if not sys.stdin.isatty():
        raise ManorError("nothing was removed: nobody is there to ask; say --yes")
    typer.confirm("Go on?", err=True, abort=True)


def run_async(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Run an async command; Ctrl-C cancels it, lets it clean up, and exits with 130."""

    @wraps(command)
    def runner(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return asyncio.run(_alone(command(*args, **kwargs)))
        except KeyboardInterrupt:
            err.print("interrupted")
            raise typer.Exit(INTERRUPTED) from None

    return runner


async def _alone(command: Coroutine[Any, Any, T]) -> T:
    """The command, whose error is told once: what fails beside it, as when the API server goes away
    under several requests, is told by the log, not as a traceback."""

    def told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        cause = context.get("exception")
        if isinstance(cause, ManorError):
            log.debug(context["message"], cause=cause)
        else:
            loop.default_exception_handler(context)

    asyncio.get_running_loop().set_exception_handler(told)
    return await command


class Format(StrEnum):
    """How a list is printed."""

    table = "table"
    json = "json"
    yaml = "yaml"


class ListFormat(StrEnum):
    """How a list of what is on the cluster is printed."""

    table = "table"
    wide = "wide"
    json = "json"
    yaml = "yaml"


def print_object(obj: Object, output: StrEnum) -> None:
    """Print one object as JSON, or else as YAML."""
    as_json = output.value == "json"
    text = visible_json(obj) if as_json else to_yaml([obj])
    echo(text)


def print_objects(objects: Sequence[Object], output: StrEnum) -> None:
    """Print objects in the format asked for, which is no table."""
    echo(to_json(objects) if output.value == "json" else to_yaml(objects))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what they hold, and lines as long as they are: what is cut or folded
    cannot be copied."""
    widths = widths_of([header, *rows])
    echo("".join(line_of(row, widths) for row in [header, *rows]))


def widths_of(rows: Sequence[Sequence[str]]) -> list[int]:
    """How wide each column is on a terminal."""
    return [max(cell_len(_cell(text)) for text in column) for column in zip(*rows, strict=True)]


def line_of(row: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table."""
    cells = (_cell(text) for text in row)
    padded = (
        cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return "   ".join(padded).rstrip() + "\n"


def _cell(text: str) -> str:
    """What stands in a table: a line break in it would make a row of somebody's own."""
    return visible(" ".join(text.split("\n")))
