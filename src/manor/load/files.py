"""Where spec files are: files, folders (every *.yaml and *.yml in them, sorted) and `-` for standard input."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from manor.load.positions import Document, InvalidInput, Problem, parse

SUFFIXES = (".yaml", ".yml")


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    if not found:
        raise InvalidInput([Problem(str(path), 0, "", "no *.yaml file in this folder")])
    yield from found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidInput([Problem(str(path), 0, "", "no such file or folder")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput([Problem(str(path), 0, "", f"cannot be read: {error}")]) from None


def read(sources: Iterable[str | Path]) -> list[Document]:
    """Every YAML document in the given files, folders, or standard input (`-`)."""
    documents: list[Document] = []
    for source in sources:
        if str(source) == "-":
            documents += parse(sys.stdin.read(), "<stdin>")
            continue
        for path in _files(Path(source)):
            documents += parse(_text(path), str(path))
    return documents
