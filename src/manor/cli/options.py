"""Options that several commands share, once."""

from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[
    list[str],
    typer.Option(
        "--filename", "-f", metavar="PATH", help="File or folder of specs, or - for standard input; repeatable."
    ),
]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig; the current one if absent.")]
Kubeconfig = Annotated[
    Path | None,
    typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig file; $KUBECONFIG or ~/.kube/config if absent."),
]
