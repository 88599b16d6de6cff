"""The end of a run over specs, as it is printed: its steps, and who may do what was forbidden."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from manor.apply import Step, changes
from manor.cli.output import echo, print_error
from manor.load import Specs
from manor.rollout import Authority, Outcome, authority

_WHO = {
    Authority.CLUSTER_ADMINISTRATOR: "a cluster administrator applies the Platform",
    Authority.APPLIER: "who applies Tenants needs the ClusterRole manor:applier",
    Authority.EDITOR: "who applies workloads needs the role editor in their tenant",
}


class Form(StrEnum):
    """How the outcome is printed."""

    text = "text"
    json = "json"


Output = Annotated[
    Form, typer.Option("--output", "-o", help="json: every object and its fate, on stdout.")
]


def tell_who_may(outcome: Outcome, specs: Specs) -> None:
    """Where the API server forbade something: who may apply such specs."""
    if outcome.forbidden:
        print_error(_WHO[authority(specs)])


def print_steps(steps: Sequence[Step], form: Form) -> None:
    """As JSON on stdout, where that is wanted."""
    if form is Form.json:
        counts: dict[str, int] = {}
        for step in steps:
            counts[step.action] = counts.get(step.action, 0) + 1
        echo(json.dumps({"summary": counts, "objects": [_json(step) for step in steps]}, indent=2))


def _json(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {**step.ref._asdict(), "action": step.action.value}
    if step.message:
        told["message"] = step.message
    if differences := [change._asdict() for change in changes(step)]:
        told["changes"] = differences
    return told


def coloured(diff: str) -> str:
    """A unified diff as a terminal shows it; as it is elsewhere."""
    if not sys.stdout.isatty():
        return diff
    colours = {"+": "green", "-": "red", "@": "cyan"}
    lines = diff.splitlines(keepends=True)
    return "".join(
        typer.style(line, fg=colours[line[0]]) if line[0] in colours else line for line in lines
    )
