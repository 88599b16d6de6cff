"""`manor infra`: a Pulumi program run with progress; the state stays where Pulumi keeps it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manor.cli.output import EXIT_ERROR, echo, err, print_error

if TYPE_CHECKING:
    from manor.infra.workspace import Workspace

app = typer.Typer(
    help="Clusters and tenants as a Pulumi program (deploy/gke, deploy/any).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Directory = Annotated[Path, typer.Option("--directory", "-C", help="Folder of the Pulumi program.")]
Stack = Annotated[
    str | None, typer.Option("--stack", "-s", help="Stack; the selected one if absent.")
]
Refresh = Annotated[
    bool,
    typer.Option(
        "--refresh/--no-refresh",
        help="First compare with what is there; otherwise drift is not seen.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not preview, do not ask.")]
SkipCheckpoints = Annotated[
    bool,
    typer.Option(
        "--skip-checkpoints",
        help=(
            "Save the state once at the end: several times faster, but a run that is cut off "
            "forgets what it made."
        ),
    ),
]


@contextmanager
def _workspace(
    directory: Path, stack: str | None, *, skip_checkpoints: bool = False
) -> Iterator["Workspace"]:
    """Pulumi is an extra, and slow to import: it is looked for only here."""
    try:
        from manor.infra.errors import InfraError
    except ImportError as error:
        print_error(str(error))
        raise typer.Exit(EXIT_ERROR) from None
    try:
        from manor.infra.workspace import Workspace

        workspace = Workspace(directory, stack, skip_checkpoints=skip_checkpoints)
        err.print(f"stack {workspace.name} of {directory}")
        yield workspace
    except InfraError as error:
        print_error(str(error))
        raise typer.Exit(EXIT_ERROR) from None


def _tell(line: str) -> None:
    echo(line.rstrip("\n"))


@app.command(epilog="Example: manor infra preview -C deploy/gke --stack prod")
def preview(directory: Directory = Path(), stack: Stack = None, refresh: Refresh = True) -> None:
    """Show what `up` would do. Changes nothing."""
    with _workspace(directory, stack) as workspace:
        workspace.preview(_tell, refresh=refresh)


@app.command(epilog="Example: manor infra up -C deploy/gke --stack prod")
def up(
    directory: Directory = Path(),
    stack: Stack = None,
    refresh: Refresh = True,
    skip_checkpoints: SkipCheckpoints = False,
    yes: Yes = False,
) -> None:
    """Make everything as the program says, after showing what that means."""
    with _workspace(directory, stack, skip_checkpoints=skip_checkpoints) as workspace:
        if not yes:
            workspace.preview(_tell, refresh=refresh)
            typer.confirm("Go on?", err=True, abort=True)
        workspace.up(_tell, refresh=refresh)


@app.command(epilog="Example: manor infra destroy -C deploy/gke --stack prod")
def destroy(
    directory: Directory = Path(),
    stack: Stack = None,
    refresh: Refresh = True,
    skip_checkpoints: SkipCheckpoints = False,
    yes: Yes = False,
) -> None:
    """Delete what the stack holds, after asking. What is protected stops it: volumes, and a cluster
    with protection."""
    with _workspace(directory, stack, skip_checkpoints=skip_checkpoints) as workspace:
        if not yes:
            workspace.preview(_tell, refresh=refresh, destroy=True)
            typer.confirm("Delete all that?", err=True, abort=True)
        workspace.destroy(_tell, refresh=refresh)
