"""How a run is shown: one live line on a terminal; elsewhere a line for each thing that went wrong or is waited for."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from manor.apply.progress import Event, Finished, Waiting
from manor.apply.steps import BAD, Action, Step
from manor.cli.output import err

_STYLE = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.PRUNE: "red",
    Action.KEEP: "cyan",
    Action.CONFLICT: "bold red",
    Action.REFUSE: "bold red",
    Action.FAIL: "bold red",
    Action.SKIP: "red",
}
_DONE = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.UNCHANGED: "unchanged",
    Action.PRUNE: "deleted",
    Action.KEEP: "kept",
    Action.CONFLICT: "in conflict",
    Action.REFUSE: "refused",
    Action.FAIL: "failed",
    Action.SKIP: "not attempted",
}

_FLAGS = {
    "to take it over, adopt it": " (--adopt)",
    "use force to take": " (--force-conflicts)",
    "delete data explicitly": " (--delete-data)",
}
"""The options that give what a message of `manor.apply` asks for."""


def describe(step: Step) -> str:
    """A step in words, marked up for a terminal."""
    style = _STYLE.get(step.action, "dim")
    message = step.message.removeprefix("not attempted: ")
    if "field is immutable" in message:
        message = "cannot be changed once it is made; `manor delete` it, then apply it again"
    flag = next((flag for words, flag in _FLAGS.items() if words in message), "")
    told = f": {escape(message)}{flag}" if message else ""
    return f"{escape(str(step.ref))} [{style}]{_DONE[step.action]}[/]{told}"


def summary(steps: list[Step]) -> str:
    """How many objects met each fate."""
    counted = [(action, sum(step.action is action for step in steps)) for action in _DONE]
    told = [f"{count} {_DONE[action]}" for action, count in counted if count]
    return ", ".join(told) or "nothing to do"


class Shown:
    """Takes the events of a run and shows them."""

    def __init__(self, bar: Progress, *, verbose: bool) -> None:
        self._bar = bar
        self._verbose = verbose
        self._task = bar.add_task("", total=None, start=True)
        self._told: set[str] = set()

    def begin(self, what: str, total: int | None) -> None:
        """A new part of the work begins."""
        self._bar.update(self._task, description=escape(what), total=total, completed=0)

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Finished(step):
                self._bar.advance(self._task)
                if step.action in BAD or step.action is Action.KEEP or self._verbose:
                    err.print(describe(step))
            case Waiting(pending, _):
                if pending:
                    first = pending[0]
                    text = f"waiting for {len(pending)}: {first.ref}: {first.reason}"
                    self._bar.update(self._task, description=escape(text[:160]))
                    self._plain(f"waiting for {first.ref}: {first.reason}")
            case _:
                pass

    def _plain(self, line: str) -> None:
        if not err.is_terminal and line not in self._told:
            self._told.add(line)
            err.print(escape(line))


@contextmanager
def shown(*, verbose: bool = False) -> Iterator[Shown]:
    """A live line while the block runs (none where stderr is no terminal)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield Shown(bar, verbose=verbose)
