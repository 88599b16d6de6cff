"""The `manor` command: one module a command group, all of them thin."""

import typer

from manor.apply.errors import ApplyError
from manor.cli import get, infra, local
from manor.cli.apply import apply, delete, diff
from manor.cli.output import EXIT_ERROR, print_error
from manor.cli.predict import predict_command
from manor.cli.prediction import PredictionFailed
from manor.cli.render import render
from manor.cli.up import up
from manor.cli.verify import command as verify
from manor.engines import Unsupported
from manor.kube import KubeError
from manor.load import InvalidInput
from manor.local.errors import LocalError
from manor.verify import VerifyError

app = typer.Typer(name="manor", no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False)
for command in (up, render, diff, apply, delete):
    app.command()(command)
app.command("predict")(predict_command)
app.command("verify")(verify)
app.add_typer(get.app, name="get")
app.add_typer(infra.app, name="infra")
app.add_typer(local.app, name="local")


def main() -> None:
    """Entry point of the `manor` command: what a user can mend is an error line, not a traceback."""
    try:
        app()
    except (ApplyError, InvalidInput, KubeError, LocalError, PredictionFailed, Unsupported, VerifyError) as error:
        print_error(str(error))
        raise SystemExit(EXIT_ERROR) from None
