"""YAML with the line of every field, so that an error can name file, line and field.

PyYAML's composer keeps each node's mark; the constructor is its safe one, with duplicate keys
refused, as the API server refuses them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from manor.errors import ManorError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, and where each of its fields is."""

    value: Any
    source: str
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line (from 1) of the field at `path`, or of the nearest field around it."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def problem(self, path: Path, message: str) -> "Problem":
        """Something wrong with the field at `path`."""
        name = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in path
        ).lstrip(".")
        return Problem(self.source, self.line(path), name, message)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the input: where, which field, what, and what to do."""

    source: str
    line: int
    field: str
    message: str

    @property
    def said(self) -> str:
        """Field and message, where it needs no telling whose they are."""
        return f"{self.field}: {self.message}" if self.field else self.message

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.said}"


class InvalidInput(ManorError):
    """What was read cannot be used; holds every problem found, not the first one only."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


def _walk(node: yaml.Node, path: Path, source: str) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index), source)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                field = ".".join(map(str, (*path, name)))
                raise InvalidInput(
                    [Problem(source, line, field, "this key is there twice; remove one")]
                )
            seen.add(name)
            yield from _walk(value, (*path, name), source)
            yield (*path, name), line


def parse(text: str, source: str) -> list[Document]:
    """Every document in `text`, empty ones left out. InvalidInput if it is not YAML, or only half
    of it."""
    loader = yaml.CSafeLoader(text)
    documents = []
    try:
        while loader.check_node():
            node: yaml.Node = loader.get_node()  # type: ignore[assignment]
            lines = dict(_walk(node, (), source))
            value = loader.construct_document(node)
            if value is not None:
                documents.append(Document(value, source, lines))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise InvalidInput(
            [Problem(source, line, "", f"not valid YAML: {error.problem or error}")]
        ) from None
    except yaml.YAMLError as error:
        raise InvalidInput([Problem(source, 0, "", f"not valid YAML: {error}")]) from None
    finally:
        loader.dispose()
    return documents
