"""What came of a run over many sets, each by itself, and how it is printed."""

import json
import sys
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import click
import typer

from manor.api.wellknown import APPLIER
from manor.apply import ApplyError, changes
from manor.apply.steps import Step, Steps
from manor.cli.output import echo, err, print_error
from manor.kube import Forbidden, KubeError, Unreachable
from manor.load import Specs

T = TypeVar("T")


class Form(StrEnum):
    """How the outcome is printed."""

    text = "text"
    json = "json"


Output = Annotated[Form, typer.Option("--output", "-o", help="json: every object and its fate, on stdout.")]


@dataclass
class Outcome:
    """The steps of all sets, and the titles of those that failed. An error of one set is told and stops no other."""

    steps: list[Step] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    forbidden: bool = False

    @property
    def ok(self) -> bool:
        """Whether every set is as wanted."""
        return not self.failed

    async def guard(self, title: str, run: Awaitable[T]) -> T | None:
        """What `run` returns; None where it failed, which is told. Only a lost server ends all."""
        try:
            return await run
        except Unreachable:
            raise
        except (ApplyError, KubeError) as error:
            self.failed.add(title)
            self.forbidden = self.forbidden or isinstance(error, Forbidden)
            print_error(f"{title}: {error}")
            return None

    def add(self, title: str, steps: Steps | None) -> None:
        """Take in what was done with a set."""
        self.steps += steps or ()
        if steps is None or not steps.ok:
            self.failed.add(title)

    def leave_out(self, title: str, why: str) -> None:
        """A set that is not attempted."""
        self.failed.add(title)
        err.print(f"{title} [red]not attempted[/]: {why}", markup=True)

    def tell(self, specs: Specs) -> None:
        """Where the API server forbade something: who may apply such specs."""
        if not self.forbidden:
            return
        if specs.platform:
            who = "a cluster administrator applies the Platform"
        elif specs.tenants:
            who = f"who applies Tenants needs the ClusterRole {APPLIER}"
        else:
            who = "who applies TrainingJobs and Models needs the role editor in their tenant"
        print_error(who)


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
    return "".join(click.style(line, fg=colours[line[0]]) if line[0] in colours else line for line in lines)
