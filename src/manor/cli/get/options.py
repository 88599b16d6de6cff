"""Options that lists share, and the columns of budgets."""

from typing import Annotated

import typer

from manor.cli.output import ListFormat
from manor.kube import Client

Output = Annotated[ListFormat, typer.Option("--output", "-o", help="How the list is printed.")]
Watch = Annotated[
    bool,
    typer.Option("--watch", "-w", help="Go on and print what changes, until Ctrl-C."),
]
AllNamespaces = Annotated[
    bool,
    typer.Option("--all-namespaces", "-A", help="Of all namespaces that you may see."),
]


def looked_into(client: Client, namespace: str | None, *, everywhere: bool) -> str | None:
    """The namespace that is meant; None for all that the user may see."""
    return None if everywhere else namespace or client.namespace


def place_of(namespace: str | None) -> str:
    """Where it was looked for, in words."""
    return f"namespace {namespace}" if namespace else "any namespace that you may see"


BUDGET = {
    "CPU": "requests.cpu",
    "MEMORY": "requests.memory",
    "STORAGE": "requests.storage",
    "PODS": "pods",
}
"""The columns of a budget, each with what a ResourceQuota calls it."""
