"""Options that every list has."""

from typing import Annotated

import typer

from manor.cli.output import ListFormat

Output = Annotated[ListFormat, typer.Option("--output", "-o", help="How the list is printed.")]
Watch = Annotated[
    bool,
    typer.Option("--watch", "-w", help="Go on and print what changes, until Ctrl-C."),
]
