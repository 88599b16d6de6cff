"""This machine's pip and how it is set up, for a pip inside an image that is being built."""

import ast
import configparser
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from manor.local.errors import ImageError

# Where packages come from. All else (a cache, a target, a user's folder) is this machine's own.
_KEPT = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy"),
    *("cert", "client-cert", "timeout", "default-timeout", "retries"),
)
_WITH_FILES = ("cert", "client-cert", "find-links")
# Of an installation into an image, beside Debian's own packages.
_ADDED = {
    "break-system-packages": "true",
    "disable-pip-version-check": "true",
    "no-cache-dir": "true",
    "root-user-action": "ignore",
}
# Where pip reads them, the later before the earlier.
_SECTIONS = ("global", "install", ":env:")


def location() -> Path:
    """The folder of pip itself.

    Raises:
        ImageError: the Python that runs Manor has none.
    """
    found = find_spec("pip")
    if not found or not found.origin:
        raise ImageError(f"this Python has no pip: {sys.executable} -m ensurepip")
    return Path(found.origin).parent


def read() -> dict[str, str]:
    """What its files and the environment say of where packages come from.

    Raises:
        ImageError: pip cannot tell.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"pip cannot tell its settings:\n{done.stderr.strip()}")
    return kept(done.stdout.splitlines(), os.environ)


def kept(lines: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The settings among the lines of `pip config list`, and the certificates that it takes from
    the environment."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in lines:
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in found and key in _KEPT:
            found[section][key] = ast.literal_eval(value)
    authorities = environment.get("REQUESTS_CA_BUNDLE") or environment.get("SSL_CERT_FILE")
    settings = {"cert": authorities} if authorities else {}
    for section in _SECTIONS:
        settings |= found[section]
    return settings


def as_file(settings: Mapping[str, str]) -> str:
    """The settings as a pip.conf of an image that is being built."""
    file = configparser.RawConfigParser()
    file["global"] = {**settings, **_ADDED}
    text = StringIO()
    file.write(text)
    return text.getvalue()


def moved(
    settings: Mapping[str, str], folder: str
) -> tuple[dict[str, str], list[tuple[Path, str]]]:
    """The settings with the files and folders of this machine that they name in `folder`, and
    which are to be found there."""
    mounts: list[tuple[Path, str]] = []

    def place(word: str) -> str:
        path = Path(word)
        if not (path.is_absolute() and path.exists()):
            return word
        mounts.append((path, f"{folder}/{len(mounts)}-{path.name}"))
        return mounts[-1][1]

    there = {
        key: " ".join(map(place, value.split())) if key in _WITH_FILES else value
        for key, value in settings.items()
    }
    return there, mounts
