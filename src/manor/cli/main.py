"""The `manor` command: one module a command, imported when it is run.

Importing them all would take most of a second, and `manor --help` needs none of them: a line for
each stands here.
"""

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

import manor
from manor.cli.options import (
    CONTEXT_VARIABLE,
    KUBECONFIG_VARIABLE,
    NAMESPACE_VARIABLE,
    Context,
    Kubeconfig,
    LogFormat,
    Namespace,
)
from manor.errors import ManorError


class Entry(NamedTuple):
    """Where a command is defined: a function, or a Typer of several, named by module
    and attribute."""

    module: str
    attribute: str
    help: str


COMMANDS = {
    "up": Entry(
        "up",
        "up",
        "Make a node, two teams and their models, and prove the borders.",
    ),
    "render": Entry(
        "render", "render", "Print the Kubernetes objects that specs become; reads no cluster."
    ),
    "diff": Entry("apply", "diff", "Print what `apply` would change."),
    "apply": Entry(
        "apply", "apply", "Make the cluster hold what specs say; wait until it is ready."
    ),
    "run": Entry("run", "run", "Run a script of this machine as a TrainingJob; follow its log."),
    "rerun": Entry("run", "rerun_command", "Run a job once more, under the next name."),
    "logs": Entry("runs", "logs", "Print a job's log, or follow it."),
    "cancel": Entry("runs", "cancel_command", "Stop a job; what it wrote onto volumes stays."),
    "exec": Entry("runs", "exec_command", "Run a command in a worker of a job."),
    "open": Entry("runs", "open_command", "Open a workspace, or a port of a job's worker."),
    "stop": Entry("runs", "stop_command", "Stop a workspace; its home stays."),
    "cp": Entry("runs", "cp", "Copy files onto a volume of the team, or off it."),
    "models": Entry("models", "app", "The versions of a model: list, promote, roll back."),
    "connect": Entry("connect", "app", "Connect a team to a store of data."),
    "delete": Entry("delete", "delete", "Delete what the specs became, after asking."),
    "predict": Entry(
        "predict",
        "predict_command",
        "Ask a model by its host name; print its answer as JSON.",
    ),
    "keys": Entry("keys", "app", "Keys to models: who may ask them through the gateway."),
    "verify": Entry(
        "verify",
        "command",
        "Attack the cluster as each tenant's own; say what held.",
    ),
    "install": Entry("install", "install", "Install the operator, which keeps specs true."),
    "uninstall": Entry(
        "install", "uninstall", "Remove the operator; teams and what they have stand."
    ),
    "tools": Entry(
        "tools",
        "app",
        "ML systems made fit for many teams: list, check, install.",
    ),
    "get": Entry("get", "app", "List what is on the cluster."),
    "describe": Entry(
        "describe",
        "app",
        "Tell all of a tenant, or of a model: what it has, how it stands, what is wrong.",
    ),
    "usage": Entry("usage", "usage", "Tell what teams used, by tenant, person and day."),
    "explain": Entry(
        "explain", "explain", "Say why a pod, job, model or workspace does not run, and what to do."
    ),
    "import": Entry("imports", "app", "What others made for many teams, as Tenants: a plan."),
    "operator": Entry("operator", "operator", "Keep the cluster as its specs say, until stopped."),
    "infra": Entry("infra", "app", "Clusters and tenants as a Pulumi program."),
    "image": Entry("image", "app", "Images of your own, built for the embedded node."),
    "local": Entry("local", "app", "A real Kubernetes node on this machine."),
}


class LazyGroup(TyperGroup):
    """Imports a command when it is called; for the list of commands its name and help
    are enough."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, help=entry.help) for name, entry in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to be run."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load(str(name)), rest


def load(name: str) -> Any:
    """The command itself."""
    entry = COMMANDS[name]
    found = getattr(import_module(f"manor.cli.{entry.module}"), entry.attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        alone = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        alone.command(name)(found)
        command = get_command(alone)
    command.name = name
    _say_nothing_of_flags(command)
    return command


def _say_nothing_of_flags(command: Any) -> None:
    """Typer's help calls a switch `<bool>`, as if a value were to follow."""
    for parameter in command.params:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for below in getattr(command, "commands", {}).values():
        _say_nothing_of_flags(below)


app = typer.Typer(
    name="manor",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # the library for it would take as long to import as all else
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"manor {manor.__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
    verbosity: Annotated[
        int,
        typer.Option(
            "-v",
            count=True,
            metavar="",
            show_default=False,
            help="Log on stderr what is decided and waited for; -vv: each request as well.",
        ),
    ] = 0,
    log_format: Annotated[
        LogFormat, typer.Option(help="How the log is printed: key=value, or a JSON object a line.")
    ] = LogFormat.text,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """One Kubernetes cluster, an ML platform for many teams: one file per team, compiled, applied
    and proven isolated.

    Examples:

    \b
        manor up                                  # a node, two teams, their models, the proof
        manor apply -f platform.yaml -f teams/
        manor verify
    """
    # Every command reads them by the same variables.
    if context is not None:
        os.environ[CONTEXT_VARIABLE] = context
    if kubeconfig is not None:
        os.environ[KUBECONFIG_VARIABLE] = str(kubeconfig)
    if namespace is not None:
        os.environ[NAMESPACE_VARIABLE] = namespace
    if verbosity:
        from manor.cli.logs import log_to_stderr

        log_to_stderr(verbosity, log_format)


COLLECTED = (10_000, 10, 40)
"""When Python looks for cycles (gc.set_threshold). Specs and objects by the hundred thousand live
on and hold none: to look through all of them as often as Python does by itself took a tenth of a
rendering's time, and a fifth of the operator's, in pauses of half a second."""


def main() -> None:
    """Entry point of the `manor` command: what a user can mend is an error line, not a
    traceback."""
    gc.set_threshold(*COLLECTED)
    _open_streams()
    try:
        Path.home()
    except RuntimeError:  # whom no list of users knows: where containers have them at home
        os.environ["HOME"] = "/"
    try:
        app()
    except ManorError as error:
        _end(str(error))
    except OSError as error:  # a file, a folder or a disk of this machine
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or error}")


def _open_streams() -> None:
    """A standard stream that whoever calls has closed leads nowhere; else the next file that is
    opened would be it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _end(message: str) -> NoReturn:
    from manor.cli.output import EXIT_ERROR, print_error

    print_error(message)
    raise SystemExit(EXIT_ERROR) from None
