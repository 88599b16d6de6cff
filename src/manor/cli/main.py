"""The `manor` command: one module a command group, all of them thin."""

import typer

from manor.cli import local

app = typer.Typer(name="manor", no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False)
app.add_typer(local.app, name="local")


def main() -> None:
    """Entry point of the `manor` command."""
    app()
