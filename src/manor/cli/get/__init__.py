"""`manor get`: what is on the cluster, one module a kind of thing, imported when it is listed."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from manor.cli.kind_group import KindGroup

LISTS = {
    "tenants": ("tenants", "List the tenants that you may see, and what they use."),
    "namespaces": ("namespaces", "List the tenants' namespaces, with their quotas."),
    "jobs": ("workloads", "List the TrainingJobs of a namespace, and why one does not run."),
    "trials": ("trials", "List the trials of a sweep, with their parameters and results."),
    "models": ("workloads", "List the Models of a namespace, and why one does not answer."),
    "workspaces": ("workloads", "List the Workspaces of a namespace, and how they stand."),
    "queues": ("queues", "List the queues of a namespace, where Kueue is on."),
}
"""What is listed, each with the module that does it and a line of help."""


class _Lists(KindGroup):
    """Imports what lists one kind of thing when that is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=line) for name, (_, line) in LISTS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that lists it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load(str(name)), rest


def load(name: str) -> Any:
    """The command that lists things of this name."""
    listed = getattr(import_module(f"{__name__}.{LISTS[name][0]}"), name)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name)(listed)
    command: Any = get_command(alone)
    command.name = name
    return command


app = typer.Typer(
    cls=_Lists, help="List what is on the cluster.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """A group, whose commands are found by their names."""


__all__ = ["LISTS", "app", "load"]
