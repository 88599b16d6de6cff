"""How a run is shown: one live line on a terminal; elsewhere a line for each thing that went wrong
or is waited for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from manor.apply import Action, Finished, Phase, Reason, Started, Step, Waiting
from manor.apply.steps import BAD
from manor.cli.output import err, print_error, print_warning
from manor.rollout import Event
from manor.rollout.progress import (
    GpusOvercommitted,
    SetFailed,
    SetKept,
    SetLeftOut,
    SetsStarted,
    SetUncounted,
    ShareWithheld,
    SpecSetAside,
    ToolNotInstalled,
)

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
_PLANNED = {Action.CREATE: "to create", Action.UPDATE: "to update", Action.PRUNE: "to delete"}

_OPTIONS = {
    Reason.NOT_OURS: "--adopt",
    Reason.CONFLICT: "--force-conflicts",
    Reason.HOLDS_PEOPLES_OBJECTS: "--delete-namespace {name}",
    Reason.HOLDS_DATA: "--delete-data",
}
"""The option that consents to what a step was held up by."""
_WORDS = {
    Reason.IMMUTABLE: "cannot be changed once it is made; `manor delete` it, then apply it again"
}
"""What to do, where the server's own words do not say it."""


def describe(step: Step, *, planned: bool = False) -> str:
    """A step in words, as it was done or is `planned`, marked up for a terminal."""
    style = _STYLE.get(step.action, "dim")
    message = (
        "; ".join(_WORDS[reason] for reason in step.reasons if reason in _WORDS) or step.message
    )
    options = [_OPTIONS[reason] for reason in step.reasons if reason in _OPTIONS]
    asks = f" ({' '.join(options).format(name=step.ref.name)})" if options else ""
    told = f": {escape(message)}{asks}" if message else ""
    words = _PLANNED if planned else _DONE
    return (
        f"{escape(str(step.ref))} [{style}]{words.get(step.action) or _DONE[step.action]}[/]{told}"
    )


def summary(steps: Iterable[Step]) -> str:
    """How many objects met each fate."""
    return _counted(steps, _DONE) or "nothing to do"


def planned(steps: Iterable[Step]) -> str:
    """How many objects would meet each fate."""
    return _counted(steps, _DONE | _PLANNED) or "nothing to do"


def _counted(steps: Iterable[Step], words: Mapping[Action, str]) -> str:
    counts = Counter(step.action for step in steps)
    return ", ".join(f"{counts[action]} {word}" for action, word in words.items() if counts[action])


def warn(event: Event) -> None:
    """Tell what speaks against what the specs ask for, and stops nothing."""
    match event:
        case SpecSetAside(broken):
            print_warning(str(broken))
        case ToolNotInstalled(tool, kinds):
            lack = f"the server has no {', '.join(kinds)}"
            advice = f"`manor tools install {tool}`, then apply again"
            print_warning(
                f"Tool {tool} is not installed: {lack}; what belongs to it is left out. {advice}"
            )
        case GpusOvercommitted(guaranteed, present):
            print_warning(
                f"tenants are guaranteed {guaranteed} GPUs, and the nodes have {present} now"
            )
        case _:
            pass


class Shown:
    """Takes the events of a run and shows them."""

    def __init__(self, bar: Progress, *, verbose: bool) -> None:
        self._bar = bar
        self._verbose = verbose
        self._task = bar.add_task("", total=None, start=True)
        self._told: set[str] = set()
        self._left_out: Counter[str] = Counter()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case SetsStarted(work, sets):
                titles = ", ".join(part.title for part in sets)[:80]
                if work is Phase.APPLY:
                    self._begin(f"applying {titles}", sum(len(part.objects) for part in sets))
                else:
                    self._begin(f"deleting {titles}", None)
            case Started(Phase.WAIT, _):
                self._begin("waiting until all is ready", None)
            case Finished(step):
                self._finish(step)
            case Waiting((first, *rest), _):
                text = f"waiting for {1 + len(rest)}: {first.ref}: {first.reason}"
                self._bar.update(self._task, description=escape(text[:160]))
                self._plain(f"waiting for {first.ref}: {first.reason}")
            case SetFailed(part, error):
                print_error(f"{part.title}: {error}")
            case SetLeftOut(part, needs):
                err.print(
                    f"{escape(part.title)} [red]not attempted[/]: {escape(needs.title)} failed"
                )
            case SetUncounted(part, why):
                err.print(f"{escape(part.title)} [red]not attempted[/]: {escape(why)}")
            case ShareWithheld(part):
                err.print(
                    f"{escape(part.title)}: the model answers all requests until its canary does; "
                    "after --no-wait, apply it again then"
                )
            case SetKept(part):
                err.print(
                    f"{escape(part.title)} [cyan]kept[/]: something of what stands on it is kept"
                )
            case _:
                pass

    def _begin(self, what: str, total: int | None) -> None:
        self._bar.update(self._task, description=escape(what), total=total, completed=0)

    def _finish(self, step: Step) -> None:
        self._bar.advance(self._task)
        if step.action is Action.SKIP and not self._verbose:
            self._left_out[step.message] += 1
            if self._left_out[step.message] > 1:
                return
        if step.action in BAD or step.action is Action.KEEP or self._verbose:
            err.print(describe(step))

    def end(self) -> None:
        """Tell how many objects met the fate of one that was told."""
        for why, count in self._left_out.items():
            if count > 1:
                err.print(f"{count - 1} more [red]not attempted[/]: {escape(why)}")

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
        show = Shown(bar, verbose=verbose)
        try:
            yield show
        finally:
            show.end()
