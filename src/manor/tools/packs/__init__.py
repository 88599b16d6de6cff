"""The Tools that come with Manor: a folder each, with its `tool.yaml`."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from manor.api.tool import Tool
from manor.manifests import documents


def names() -> tuple[str, ...]:
    """The shipped Tools, sorted."""
    found = resources.files(__name__).iterdir()
    return tuple(sorted(entry.name for entry in found if entry.joinpath("tool.yaml").is_file()))


@cache
def shipped() -> Mapping[str, Tool]:
    """Every shipped Tool by its name."""
    return {
        name: Tool.model_validate(document)
        for name in names()
        for document in documents(_text(name))
    }


def pins(name: str) -> Path:
    """The folder with the go.mod and go.sum of a shipped Tool's program; it may hold none."""
    return Path(str(resources.files(__name__).joinpath(name)))


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name, "tool.yaml").read_text(encoding="utf-8")
