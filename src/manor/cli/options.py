"""Options that several commands share, once, and what completes them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from manor.cli.completion import complete_namespaces

CONTEXT_VARIABLE = "MANOR_CONTEXT"
KUBECONFIG_VARIABLE = "MANOR_KUBECONFIG"
NAMESPACE_VARIABLE = "MANOR_NAMESPACE"


class LogFormat(StrEnum):
    """How events are printed."""

    text = "text"
    json = "json"


def _given(value: str | None) -> str | None:
    """Not nothing, such as of a shell's variable that is not set: another cluster or namespace
    would be meant."""
    if value == "":
        raise typer.BadParameter("is empty; name one, or leave the option out")
    return value


Files = Annotated[
    list[str],
    typer.Option(
        "--filename",
        "-f",
        metavar="PATH",
        help="File or folder of specs, or - for standard input; repeatable.",
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        envvar=CONTEXT_VARIABLE,
        callback=_given,
        help="Context of the kubeconfig; the current one if absent.",
    ),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        envvar=KUBECONFIG_VARIABLE,
        show_envvar=False,
        help="Kubeconfig file; $KUBECONFIG or ~/.kube/config if absent.",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        envvar=NAMESPACE_VARIABLE,
        callback=_given,
        help="Namespace; that of the kubeconfig's context if absent.",
        autocompletion=complete_namespaces,
    ),
]
