"""The docs cannot drift from the code, nor from each other."""

import re
import runpy
from pathlib import Path

import pytest
from typer.main import get_command

from manor.cli.main import app

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_reference_is_that_of_the_code() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert (ROOT / "docs" / "reference.md").read_text() == generate["reference"](), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_command_that_the_docs_name_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for page in PAGES:
        for name in re.findall(r"(?:^|[ `/])manor ([a-z]+)\b", page.read_text(), re.MULTILINE):
            line = f"manor {name}"
            if re.search(rf"(?:^    .*|`){re.escape(line)}", page.read_text(), re.MULTILINE):
                assert name in commands, f"{page.name}: {line}"
