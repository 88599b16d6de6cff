"""What the specs become, byte for byte: a change there is seen in review. `make golden` writes the
files anew."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from example_files import SPECS
from manor.cli.main import app

pytestmark = pytest.mark.unit

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", SPECS)
def test_rendered_as_recorded(name: str, request: pytest.FixtureRequest) -> None:
    golden = HERE / f"{name}.yaml"
    result = CliRunner().invoke(
        app,
        ["render", *(word for file in SPECS[name] for word in ("-f", str(file)))],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    if request.config.getoption("--regen-golden", default=False):
        golden.write_text(result.stdout)
    assert result.stdout == golden.read_text(), "run `make golden` if this change is meant"
