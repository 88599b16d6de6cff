"""Preflight: all that is missing is named at once, with what mends it, and installed where that is
wanted."""

import io
import os
import platform
import re
from pathlib import Path

import pytest

from manor.local import preflight
from manor.local.errors import PreflightError
from manor.local.preflight import Problem
from manor.local.progress import Report

pytestmark = pytest.mark.unit


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH: empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, name: str, script: str = "exit 0") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def packages(problems: list[Problem]) -> set[str]:
    return {package for problem in problems for package in problem.packages}


def test_every_missing_program_is_named_at_once(programs: Path) -> None:
    found = packages(preflight.check())
    assert {
        "clang-19",
        "iptables",
        "nftables",
        "iproute2",
        "util-linux",
        "buildah",
        "debootstrap",
    } <= found


def test_a_c_compiler_is_needed_where_runc_is_compiled(programs: Path) -> None:
    assert not {"gcc", "pkg-config"} & packages(preflight.check(to_compile=["etcd", "kube"]))
    assert {"gcc", "pkg-config"} <= packages(preflight.check(to_compile=["etcd", "runc"]))


def test_without_a_kubelet_little_is_needed(programs: Path) -> None:
    assert packages(preflight.check(api_only=True)) == {"iproute2", "util-linux", "mount"}


@pytest.mark.parametrize("compiler", ["clang", "clang-18", "clang-19"])
def test_any_recent_clang_will_do(programs: Path, compiler: str) -> None:
    put(programs, compiler)
    assert "clang-19" not in packages(preflight.check())


def test_one_command_mends_all_packages(programs: Path) -> None:
    with pytest.raises(PreflightError) as caught:
        preflight.require()
    message = str(caught.value)
    assert re.search(
        r"ipset is not installed\n +apt-get install --no-install-recommends ipset", message
    )
    assert re.search(
        (
            r"all packages at once: apt-get install --no-install-recommends buildah clang-19 "
            r".*util-linux"
        ),
        message,
    )


def test_who_is_not_root_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "you are not root" in "\n".join(
        problem.what for problem in preflight.check(api_only=True)
    )


def test_another_system_is_the_only_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    (problem,) = preflight.check()
    assert problem.what == "this is Darwin, and a node needs Linux"


def test_another_architecture_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "the architecture is riscv64" in [
        problem.what for problem in preflight.check(api_only=True)
    ]


def test_a_kernel_that_refuses_links_is_named(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("ip", "unshare"):
        put(programs, name, "exit 2")
    assert "virtual network links (veth) cannot be made" in [
        problem.what for problem in preflight.check(api_only=True)
    ]


def test_packages_are_installed_by_one_call_after_an_update(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    log = programs.parent / "log"
    put(programs, "apt-get", f'echo "$DEBIAN_FRONTEND $*" >> {log}')
    lasting = Problem("no memory", "buy some")
    problems = [
        Problem("b", "", ("runc",)),
        lasting,
        Problem("a", "", ("buildah",)),
        Problem("c", "", ("runc",)),
    ]
    assert preflight.install_packages(problems, Report(io.StringIO())) == [lasting]
    update, install = log.read_text().splitlines()
    assert update.startswith("noninteractive ")
    assert update.endswith(" update")
    assert install.endswith(" install --yes --no-install-recommends buildah runc")


def test_a_failed_installation_shows_why(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    put(programs, "apt-get", "echo 'E: Unable to locate package'; exit 100")
    with pytest.raises(PreflightError, match="apt-get update failed:\nE: Unable to locate package"):
        preflight.install_packages([Problem("b", "", ("runc",))], Report(io.StringIO()))


@pytest.mark.parametrize("user", [0, 1000])
def test_nothing_is_installed_without_apt_or_rights(
    programs: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if user:
        put(programs, "apt-get", "exit 1")
    problems = [Problem("b", "", ("runc",))]
    assert preflight.install_packages(problems, Report(io.StringIO())) == problems
