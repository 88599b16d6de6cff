"""Where spec files are: files, folders (every *.yaml and *.yml in them, sorted) and `-` for
standard input."""

import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator
from pathlib import Path

from manor.limits import limits
from manor.load.positions import Document, InvalidInput, Problem, parse

SUFFIXES = (".yaml", ".yml")
_STDIN = "<stdin>"


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    if not found:
        raise InvalidInput([Problem(str(path), 0, "", "no *.yaml file in this folder")])
    yield from found


def _text(path: Path) -> str:
    most = limits().cli.specs
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise InvalidInput([_too_large(str(path), most)])
        return data.decode()
    except FileNotFoundError:
        raise InvalidInput([Problem(str(path), 0, "", "no such file or folder")]) from None
    except UnicodeDecodeError as error:
        raise InvalidInput([_no_text(str(path), error)]) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InvalidInput([Problem(str(path), 0, "", message)]) from None


def _too_large(source: str, most: int) -> Problem:
    return Problem(source, 0, "", f"is larger than {most >> 20} MiB; make several files of it")


def _no_text(source: str, error: UnicodeError) -> Problem:
    line = 1
    if isinstance(error, UnicodeDecodeError):
        if error.object[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
            return Problem(source, line, "", "is UTF-16; save it as UTF-8")
        line += error.object[: error.start].count(b"\n")
    return Problem(source, line, "", "is no UTF-8 from here on; save it as UTF-8")


def _from_stdin() -> str:
    most = limits().cli.specs
    try:
        text = sys.stdin.read(most + 1)
        if len(text.encode()) > most:  # what is no UTF-8 may be there as surrogates
            raise InvalidInput([_too_large(_STDIN, most)])
    except UnicodeError as error:
        raise InvalidInput([_no_text(_STDIN, error)]) from None
    return text


def scan(sources: Iterable[str | Path]) -> tuple[list[Document], list[Problem]]:
    """Every YAML document in the given files, folders, or standard input (`-`), and what could not
    be read."""
    documents: list[Document] = []
    problems: list[Problem] = []
    names = [str(source) for source in sources]
    for name in names:
        try:
            paths = [None] if name == "-" else list(_files(Path(name)))
        except InvalidInput as error:
            problems += error.problems
            continue
        for path in paths:
            try:
                documents += parse(_text(path), str(path)) if path else parse(_from_stdin(), _STDIN)
            except InvalidInput as error:
                problems += error.problems
    if not documents and not problems:
        problems.append(
            Problem(", ".join(names), 0, "", "nothing to do: there is no document in it")
        )
    return documents, problems
