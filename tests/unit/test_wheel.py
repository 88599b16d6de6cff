"""What is installed from a wheel has all that Manor needs beside its Python."""

import ast
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from manor import __version__
from manor.local.wheel import write_wheel

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
OWNERS = packages_distributions()
"""The distributions that bring each package."""
LOOK = """
from manor.cli.up import EXAMPLE
from manor.local import images
from manor.local.images import SOURCES
from manor.policies import folders
print(SOURCES, EXAMPLE, sep="\\n")
assert all((SOURCES / name / "Containerfile").is_file() for name in images.NAMES)
assert (EXAMPLE / "platform.yaml").is_file()
assert len(folders()) > 10
"""


def imported(path: Path) -> set[str]:
    """The packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"manor"}


def test_nothing_is_imported_but_what_an_installation_brings() -> None:
    lock = (ROOT / "images" / "operator" / "requirements.lock").read_text()
    brought = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    package = ROOT / "src" / "manor"
    modules = set(package.rglob("*.py")) - set((package / "infra").rglob("*.py"))
    # These run in the image that fetches.
    modules -= {package / "jobs" / "trial.py", package / "engines" / "buckets.py"}
    missing = {
        (str(path.relative_to(package)), name)
        for path in modules
        for name in imported(path)
        if not brought & {each.lower().replace("_", "-") for each in OWNERS.get(name, ())}
    }
    assert not missing


def test_manor_makes_a_wheel_of_itself_that_pip_takes_and_that_runs(tmp_path: Path) -> None:
    made = write_wheel(tmp_path)
    first = made.read_bytes()
    assert write_wheel(tmp_path).read_bytes() == first
    names = zipfile.ZipFile(made).namelist()
    assert not [name for name in names if "__pycache__" in name or name.startswith("manor/images/")]
    place = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(place), str(made)], check=True, timeout=300)
    assert (place / "manor" / "policies" / "pods" / "policy.yaml").is_file()
    # With nothing of the clone before it.
    environment = {**os.environ, "PYTHONPATH": str(place)}
    command = [str(place / "bin" / "manor"), "--version"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == f"manor {__version__}\n"
    look = [sys.executable, "-c", "import manor; print(manor.__file__)"]
    where = subprocess.run(look, env=environment, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(place))


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
