"""What the specs become, byte for byte: a change there is seen in review. `make golden` writes the files anew."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from manor.cli.main import app

pytestmark = pytest.mark.unit

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"


def specs(folder: Path) -> list[Path]:
    """The files of Manor's own kinds; what a team's people write of another system's kinds lies beside them."""
    files = sorted(folder.rglob("*.yaml"))
    return [file for file in files if all(_is_manors(document) for document in yaml.safe_load_all(file.read_text()))]


def _is_manors(document: dict[str, str]) -> bool:
    return document["apiVersion"].startswith("manor.dev/")


CASES = {path.name: specs(path) for path in sorted(EXAMPLES.iterdir()) if path.is_dir()}
CASES["everything"] = [HERE / "specs" / "everything.yaml"]


@pytest.mark.parametrize("name", CASES)
def test_rendered_as_recorded(name: str, request: pytest.FixtureRequest) -> None:
    golden = HERE / f"{name}.yaml"
    result = CliRunner().invoke(
        app, ["render", *(word for file in CASES[name] for word in ("-f", str(file)))], catch_exceptions=False
    )
    assert result.exit_code == 0
    if request.config.getoption("--regen-golden", default=False):
        golden.write_text(result.stdout)
    assert result.stdout == golden.read_text(), "run `make golden` if this change is meant"
