"""What an image of somebody's own is made by: its name, its Containerfile, and what that builds
on."""

import re
from collections.abc import Iterable
from pathlib import Path

from manor.local.errors import ImageError
from manor.local.images import REGISTRY
from manor.shipped import IMAGES_VERSION

NAMES = ("Containerfile", "Dockerfile")
"""How a Containerfile is called, the first before the second."""
BASE = f"{REGISTRY}/training:{IMAGES_VERSION}"
REQUIREMENTS = "requirements.txt"
PIP = "/opt/packages/pip"
"""Where pip is while an image is built: among the packages of Manor's images, which have none."""

_GENERATED = """\
FROM {base}
USER 0:0
RUN --mount=type=bind,target=/run/context \
["python3", "{pip}", "install", "--no-user", "--requirement", "/run/context/{requirements}"]
USER 65532:65532
"""

_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
# A first part is a registry where it has a dot or a port, as container runtimes read it.
_HOST = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|[A-Za-z0-9-]+:\d+|localhost)/"
_NAME = re.compile(
    rf"(?P<host>{_HOST})?(?P<path>{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?",
    re.ASCII,
)


def parse_name(name: str, taken: Iterable[str]) -> tuple[str, str]:
    """The repository and the tag of `NAME[:TAG]`, in full; no tag is the empty one.

    `taken` are the repositories of Manor's own images.

    Raises:
        ImageError: pods could not name it, or it is one of Manor's own.
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise ImageError(f"{name!r} is no name of an image; write trainer:1, in lower case")
    repository = (found["host"] or f"{REGISTRY}/") + found["path"]
    if repository in taken:
        raise ImageError(f"{repository} is an image of Manor's own; give yours another name")
    if found["tag"] == "latest":
        raise ImageError(
            f"{name}: for `latest` a node asks the registry each time; use another tag"
        )
    return repository, found["tag"] or ""


def find(folder: Path, file: Path | None, base: str) -> str:
    """The text of the folder's Containerfile; of one that installs its requirements into `base`
    (the training image if empty) where it has none.

    Raises:
        ImageError: there is nothing to build of, or both a Containerfile and a base are given.
    """
    if not folder.is_dir():
        raise ImageError(f"{folder}: no such folder")
    found = file or next((path for name in NAMES if (path := folder / name).is_file()), None)
    if found:
        if base:
            raise ImageError(f"{found} says FROM what it builds; leave --base out")
        if not found.is_file():
            raise ImageError(f"{found}: no such file")
        return found.read_text()
    if not (folder / REQUIREMENTS).is_file():
        raise ImageError(
            f"{folder} has nothing to build an image of: write the packages into "
            f"{folder / REQUIREMENTS}, or a {folder / NAMES[0]}"
        )
    return _GENERATED.format(base=base or BASE, pip=PIP, requirements=REQUIREMENTS)


def named_in(text: str, references: Iterable[str]) -> list[str]:
    """Which of the references the instructions name, in FROM or elsewhere."""
    named = _references(text)
    return [reference for reference in references if reference in named]


def unknown_in(text: str, references: Iterable[str]) -> list[str]:
    """What the instructions name of Manor's registry, which is none, and is not of the
    references."""
    ours = f"{REGISTRY}/"
    named = {name for name in _references(text) if name.startswith(ours) and name != ours}
    return sorted(named - {*references})


def first_for_a_shell(text: str) -> str:
    """The first RUN that a shell is to read; empty where each names its program and arguments."""
    found = re.search(
        r"^[ \t]*RUN[ \t]+(?:--\S+[ \t]+)*(?![\[-]).*", text, re.MULTILINE | re.IGNORECASE
    )
    return found[0].strip() if found else ""


def _references(text: str) -> set[str]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return set(re.findall(r"[\w./:@-]+", "\n".join(lines)))
