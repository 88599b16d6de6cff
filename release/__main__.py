"""Makes the files of a release in `dist/`: wheel, sdist, the node's bundle, a bill of materials,
their SHA-256 sums."""

import hashlib
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from manor import __version__
from manor.local import bundle, parts
from manor.local.store import Store
from release import sbom

ROOT = Path(__file__).parents[1]


class Unready(Exception):
    """The tree is not what a release can be made from; the text says what to do."""


def check(root: Path, version: str) -> None:
    """Raise Unready unless all is committed and the changelog says what is new."""
    if changed := _git(root, "status", "--porcelain"):
        raise Unready(f"commit or remove what is not committed:\n{changed}")
    section = re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)",
        (root / "CHANGELOG.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    if section is None or not section.group(1).strip():
        raise Unready(
            f"CHANGELOG.md needs a section with the day, and something in it: ## {version} - "
            f"YYYY-MM-DD"
        )


def build(root: Path, version: str, target: Path) -> list[Path]:
    """Everything but the sums. The commit's time stands for the present: a commit makes the same
    files again."""
    committed = _git(root, "log", "-1", "--format=%ct")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": committed}
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-d",
        str(target),
        "-t",
        "sdist",
        "-t",
        "wheel",
    ]
    subprocess.run(command, cwd=root, check=True, env=environment)
    bill = target / f"manor-{version}.cdx.json"
    sbom.write(bill, datetime.fromtimestamp(int(committed), UTC))
    made = [target / f"manor-{version}.tar.gz", target / f"manor-{version}-py3-none-any.whl", bill]
    store, known = Store(), parts.load()
    programs, folders = store.lacking(known.program_names, known.folder_names)
    if programs or folders:
        print(
            f"no node bundle: the cache lacks {', '.join(programs + folders)}; `make "
            f"node-bundle` builds them"
        )
        return made
    return [*made, bundle.pack(store, target)]


def sum_up(made: list[Path], target: Path) -> None:
    """Write SHA256SUMS, as `sha256sum --check` takes it."""
    lines = []
    for path in made:
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    (target / "SHA256SUMS").write_text("".join(lines))


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def main() -> None:
    """The release of the tree as it is."""
    target = ROOT / "dist"
    target.mkdir(exist_ok=True)
    try:
        check(ROOT, __version__)
    except Unready as error:
        sys.exit(f"error: {error}")
    sum_up(build(ROOT, __version__, target), target)
    print((target / "SHA256SUMS").read_text(), end="")


if __name__ == "__main__":
    main()
