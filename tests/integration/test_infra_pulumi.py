"""The programs run by Pulumi itself, with its state in a folder. Needs `pulumi` and its Kubernetes plugin on PATH;
`make test-pulumi` runs it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from nodes import MANOR, RunningNode
from pulumi_cluster import api_server
from pulumi_programs import EXAMPLE, ROOT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="`pulumi` is not on PATH"),
]

# Without a kubelet no Deployment becomes ready and no Gateway is programmed: the teams alone.
SPECS = ("tenant-a.yaml", "tenant-b.yaml")


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningNode]:
    """An API server of these tests alone."""
    with api_server("pulumi-cli") as node:
        yield node


@pytest.fixture(scope="module")
def program(cluster: RunningNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The program for any cluster, with a stack `test` for the API server."""
    folder = tmp_path_factory.mktemp("program")
    shutil.copytree(ROOT / "deploy" / "any", folder, dirs_exist_ok=True)
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    project["runtime"] = {"name": "python", "options": {"virtualenv": sys.prefix}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (folder / "teams").mkdir()
    shutil.copy(EXAMPLE / "platform.yaml", folder)
    for name in SPECS:
        shutil.copy(EXAMPLE / name, folder / "teams")
    os.environ["PULUMI_BACKEND_URL"] = f"file://{tmp_path_factory.mktemp('state')}"
    os.environ["PULUMI_CONFIG_PASSPHRASE"] = "test"
    _pulumi(folder, "stack", "init", "test")
    _pulumi(folder, "config", "set", "kubeconfig", str(cluster.kubeconfig))
    yield folder
    _pulumi(folder, "state", "unprotect", "--all", "--yes")
    _pulumi(folder, "destroy", "--yes", "--skip-preview")


def _pulumi(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["pulumi", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _manor(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MANOR, *arguments], capture_output=True, text=True, check=False, timeout=1200)


def test_up_makes_what_manor_would(program: Path, cluster: RunningNode) -> None:
    made = _manor("infra", "up", "-C", str(program), "--stack", "test", "--yes")
    assert made.returncode == 0, made.stdout + made.stderr
    files = [str(EXAMPLE / name) for name in ("platform.yaml", *SPECS)]
    named = [option for file in files for option in ("-f", file)]
    compared = _manor("diff", "--kubeconfig", str(cluster.kubeconfig), *named)
    assert (compared.stdout, compared.returncode) == ("", 0)


def test_a_second_up_changes_nothing(program: Path) -> None:
    assert "unchanged" in _pulumi(program, "up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "test")


def test_destroy_stops_before_data(program: Path) -> None:
    refused = _manor("infra", "destroy", "-C", str(program), "--stack", "test", "--yes")
    assert refused.returncode == 2
    assert "protect" in refused.stdout + refused.stderr
