"""The docs cannot drift from the code, nor from each other."""

import json
import re
import runpy
from pathlib import Path

import pytest
from typer.main import get_command

from manor.cli.main import app
from manor.verify import load

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_what_is_made_from_the_code_is_that_of_the_code() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    stale = [name for name, text in made.items() if (ROOT / "docs" / name).read_text() != text]
    assert not stale, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_check_that_the_docs_name_exists(page: Path) -> None:
    named = set(re.findall(r"MNR-[A-Z]+-\d{3}", page.read_text()))
    assert named <= {check.id for check in load()}


def test_every_guarantee_stands_in_the_threat_model() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text()
    for check in load():
        assert f"| {check.guarantee} | {check.expect} | {check.severity} | `{check.id}` |" in page


def test_the_comparison_leaves_no_measured_check_out() -> None:
    page = (ROOT / "docs" / "why.md").read_text()
    for run in ("bare", "manor"):
        measured = json.loads((ROOT / "docs" / "measured" / f"{run}.json").read_text())["results"]
        assert set(measured) == set(re.findall(r"MNR-[A-Z]+-\d{3}", page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text()
    pages = (ROOT / "docs").glob("*.md")
    assert [page.name for page in pages if f"(docs/{page.name})" not in text] == []


def test_decisions_are_numbered_without_holes() -> None:
    numbers = sorted(int(page.name[:4]) for page in (ROOT / "docs" / "adr").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_command_that_the_docs_name_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for page in PAGES:
        for name in re.findall(r"(?:^|[ `/])manor ([a-z]+)\b", page.read_text(), re.MULTILINE):
            line = f"manor {name}"
            if re.search(rf"(?:^    .*|`){re.escape(line)}", page.read_text(), re.MULTILINE):
                assert name in commands, f"{page.name}: {line}"


def test_every_message_that_troubleshooting_explains_is_one_of_the_code() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    told = re.findall(r"^(?:###|\|) `([^`]+)`", page, re.MULTILINE)
    parts = {part.strip() for text in told for part in re.split("[…;]", text)}
    sources = [
        path.read_text() for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".yaml")
    ]
    # A message goes over several lines of the source, as literals side by side or joined by +.
    code = re.sub(
        r"""(["']) \+? ?f?\1""", "", " ".join("".join(sources).replace("\\'", "'").split())
    )
    assert not [part for part in parts if part not in code]
