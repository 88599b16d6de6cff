"""What the commands print: objects as YAML or JSON on stdout, everything else on stderr, errors in one form."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import typer
import yaml
from rich.console import Console
from rich.markup import escape

from manor.render import Object

P = ParamSpec("P")
T = TypeVar("T")

EXIT_ERROR = 2
"""Exit code of bad input and of anything that stopped a command, as of `kubectl diff` (1 means differences)."""

err = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


class _Dumper(yaml.CSafeDumper):
    """Block style, texts of several lines as they are, nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, data: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _text)


def to_yaml(objects: Iterable[Object]) -> str:
    """Objects as a YAML stream."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, explicit_start=True, allow_unicode=True, width=4096)


def to_json(objects: Iterable[Object]) -> str:
    """Objects as a Kubernetes List."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=2, ensure_ascii=False) + "\n"


def print_error(message: str) -> None:
    """Print what went wrong, a line each, on stderr."""
    for line in message.splitlines():
        err.print(f"[bold red]error:[/] {escape(line)}")


def run_async(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Run an async command; Ctrl-C cancels it, lets it clean up, and exits with 130."""

    @wraps(command)
    def runner(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return asyncio.run(command(*args, **kwargs))
        except KeyboardInterrupt:
            err.print("interrupted")
            raise typer.Exit(130) from None

    return runner
