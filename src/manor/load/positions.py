"""YAML with the line of every field, so that an error can name file, line and field.

PyYAML's composer keeps each node's mark; the constructor is its safe one, with duplicate keys
refused, as the API server refuses them. What looks like a date is text, as for kubectl.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from manor.errors import ManorError

Path = tuple[str | int, ...]

_DEEPEST = 100
_MOST = 200_000
"""More fields than the API server stores of an object; each alias (`*name`) counts anew."""
_LONGEST_NUMBER = 100
_TAG = "tag:yaml.org,2002:"
_AS_KEYS = (f"{_TAG}str", f"{_TAG}merge")


class _Loader(yaml.CSafeLoader):
    """The safe loader, whose every error is a YAMLError."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != f"{_TAG}timestamp"]
        for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def number(self, node: yaml.ScalarNode) -> int | float | bool:
        """A number or a boolean, as its tag says."""
        try:
            if len(node.value) > _LONGEST_NUMBER:
                raise ValueError
            made: int | float | bool = yaml.CSafeLoader.yaml_constructors[node.tag](self, node)
        except (ValueError, KeyError):
            kind = node.tag.removeprefix(_TAG)
            message = f"{node.value[:40]!r} cannot be read as {kind}; write a text in quotes"
            raise yaml.MarkedYAMLError(problem=message, problem_mark=node.start_mark) from None
        return int(made) if isinstance(made, float) and made.is_integer() else made  # as in JSON


for _kind in ("int", "float", "bool"):
    _Loader.add_constructor(f"{_TAG}{_kind}", _Loader.number)
_Loader.add_constructor(f"{_TAG}timestamp", _Loader.construct_yaml_str)  # type: ignore[type-var]


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
    if len(path) > _DEEPEST:
        raise _too_deep(source, node)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index), source)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag not in _AS_KEYS:
                kind, shown = key.tag.removeprefix(_TAG), (*path, key.value)
                field = ".".join(map(str, shown if isinstance(key, yaml.ScalarNode) else path))
                message = f"YAML reads the key as {kind}, and not as text; write it in quotes"
                raise InvalidInput([Problem(source, line, field, message)])
            name = str(key.value)
            if name in seen:
                field = ".".join(map(str, (*path, name)))
                raise InvalidInput(
                    [Problem(source, line, field, "this key is there twice; remove one")]
                )
            seen.add(name)
            yield from _walk(value, (*path, name), source)
            yield (*path, name), line


def _too_deep(source: str, at: yaml.Node | yaml.Event) -> InvalidInput:
    message = f"fields inside fields, more than {_DEEPEST} deep; nothing in a spec is"
    return InvalidInput([Problem(source, at.start_mark.line + 1, "", message)])  # type: ignore[union-attr]


def _check_depth(text: str, source: str) -> None:
    """What nests without end, the composer would follow until its stack is full."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise _too_deep(source, event)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _lines(node: yaml.Node, source: str) -> dict[Path, int]:
    """The line of every field of a document."""
    lines: dict[Path, int] = {}
    for path, line in _walk(node, (), source):
        lines[path] = line
        if len(lines) > _MOST:
            message = f"more than {_MOST} fields, each alias (*) counted; write less, or no aliases"
            raise InvalidInput([Problem(source, node.start_mark.line + 1, "", message)])
    return lines


def parse(text: str, source: str) -> list[Document]:
    """Every document in `text`, empty ones left out. InvalidInput if it is not YAML, or only half
    of it."""
    documents = []
    loader = _Loader(text)
    try:
        _check_depth(text, source)
        while loader.check_node():
            node: yaml.Node = loader.get_node()  # type: ignore[assignment]
            lines = _lines(node, source)
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
