"""What is installed from a wheel has all that Manor needs beside its Python."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
LOOK = """
from manor.cli.up import EXAMPLE
from manor.local import images
from manor.local.images import SOURCES
from manor.render.guardrails import folders
print(SOURCES, EXAMPLE, sep="\\n")
assert all((SOURCES / name / "Containerfile").is_file() for name in images.NAMES)
assert (EXAMPLE / "platform.yaml").is_file()
assert len(folders()) > 10
"""


def test_a_wheel_carries_images_examples_and_policies(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(place)
    path = f"import sys; sys.path.insert(0, {str(place)!r})"
    looked = subprocess.run(
        [sys.executable, "-c", path + LOOK], capture_output=True, text=True, check=False
    )
    assert looked.returncode == 0, looked.stderr
    sources, example = map(Path, looked.stdout.split())
    assert sources.is_relative_to(place)
    assert example.is_relative_to(place)
