"""The version before this one, from the repository's own history: what an upgrade begins with."""

import io
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = "0.2.0"
COMMIT = "3f672c72d8ea67bfa85fe43e7e62384adcbfe58a"
"""Which was released as that version."""
RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from manor.cli.main import main; main()"


@dataclass(frozen=True)
class OldVersion:
    """Its source; what it depends on is installed for this version."""

    source: Path

    def manor(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run its `manor` command as a user would."""
        command = [sys.executable, "-c", RUN, str(self.source / "src"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def unpacked(folder: Path) -> OldVersion:
    """It, in a folder; the test is skipped where the history is not there, in a shallow clone."""
    done = subprocess.run(
        ["git", "archive", COMMIT, "src", "examples"],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        check=False,
    )
    if done.returncode:
        pytest.skip(
            f"version {VERSION} is not in this clone's history: `git fetch --unshallow` brings it"
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return OldVersion(folder)
