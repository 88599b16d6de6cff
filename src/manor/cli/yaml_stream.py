"""Objects as a YAML stream: block style, texts of several lines as they are, nothing by reference.

libyaml writes each scalar, since it knows what needs quotes, and the lines are put together here:
most scalars of thousands of tenants are the same few, and each is asked for once.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import yaml

from manor.kube import Object
from manor.visible import harmful

_LONGEST_KEY = 100
"""Characters; from 128 on YAML wants a key in another form."""
_END = "\n...\n"
_LINES = re.compile("^(?=.)", re.MULTILINE)


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, data: str) -> yaml.ScalarNode:
    style = (
        '"' if harmful(data) else "|" if "\n" in data else None
    )  # only between these quotes is an escape read as such
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _text)


def documents(objects: Iterable[Object]) -> Iterator[str]:
    """Each object as a document of the stream."""
    for obj in objects:
        lines = ["---\n"]
        _collection(obj, "", lines)
        yield "".join(lines)


def _collection(value: dict[str, Any] | list[Any], indent: str, lines: list[str]) -> None:
    """Add the lines of a mapping or a sequence that is not empty."""
    if isinstance(value, list):
        for item in value:
            _entry(f"{indent}-", item, indent, f"{indent}  ", lines)
        return
    for key, item in value.items():
        name = _scalar(key)
        if len(name) > _LONGEST_KEY or "\n" in name:
            lines.append(_LINES.sub(indent, _dumped({key: item})))
            continue
        inner = indent if isinstance(item, list) else f"{indent}  "
        _entry(f"{indent}{name}:", item, indent, inner, lines)


def _entry(head: str, value: Any, indent: str, inner: str, lines: list[str]) -> None:
    """Add the lines of a value behind its key or its dash; those of a collection are indented by
    `inner`."""
    if isinstance(value, dict | list) and value:
        if head.endswith(":"):
            lines.append(f"{head}\n")
            _collection(value, inner, lines)
            return
        first = len(lines)
        _collection(value, inner, lines)
        lines[first] = f"{head} {lines[first][len(inner) :]}"
        return
    text = "{}" if value == {} else "[]" if value == [] else _scalar(value)
    if "\n" in text:  # its further lines are indented as those of a sequence's item are
        text = _LINES.sub(indent, _dumped([value])[2:-1])[len(indent) :]
    lines.append(f"{head} {text}\n")


@lru_cache(maxsize=1 << 14, typed=True)
def _scalar(value: str | float | bool | None) -> str:
    return _dumped(value).removesuffix("\n")


def _dumped(value: Any) -> str:
    """What libyaml writes, without its mark that the document ends."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096)
    return f"{text[: -len(_END)]}\n" if text.endswith(_END) else text
