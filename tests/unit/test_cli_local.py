"""`local` on the record of a node that does not run: what is told of it, and what goes with it."""

import os
from pathlib import Path

import pytest
import yaml

from command_line import Command
from manor.local.node import Node, Ports

pytestmark = pytest.mark.unit


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node that was made here some time ago."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = Node("lab", True, False, Ports(), "/none", "/none")
    for folder in (made.files.logs, made.files.volumes / "data"):
        folder.mkdir(parents=True)
    (made.files.logs / "etcd.log").write_text("one\ntwo\n")
    made.save()
    made.files.kubeconfig.write_text("kind: Config\n")
    return made


def test_a_node_that_does_not_run_is_told_how_to_start(node: Node, manor: Command) -> None:
    shown = manor("local", "status", "--name", "lab")
    assert shown.code == 1
    assert (
        shown.out.splitlines()[0] == "node lab: not running; `manor local up --name lab` starts it"
    )
    said = yaml.safe_load(manor("local", "status", "--name", "lab", "-o", "json").out)
    assert (said["running"], said["server"]) == (False, "https://127.0.0.1:6443")
    other = manor("local", "status", "--name", "other")
    assert other.code == 2
    assert "other" in other.err


def test_logs_and_kubeconfig_are_printed(node: Node, manor: Command) -> None:
    assert manor("local", "logs", "--name", "lab").out == "etcd\n"
    assert manor("local", "logs", "etcd", "--name", "lab").out == "one\ntwo\n"
    missing = manor("local", "logs", "kubelet", "--name", "lab")
    assert (missing.code, missing.err) == (
        2,
        "error: node 'lab' has no component 'kubelet'; it has etcd\n",
    )
    assert manor("local", "kubeconfig", "--name", "lab").out == "kind: Config\n"
    assert (
        manor("local", "kubeconfig", "--name", "lab", "--path").out == f"{node.files.kubeconfig}\n"
    )


def test_a_kubeconfig_is_merged_into_that_of_the_user_and_taken_out_again(
    node: Node, manor: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {section: [{"name": "manor-lab"}] for section in ("clusters", "users", "contexts")}
    node.files.kubeconfig.write_text(yaml.safe_dump(ours))
    file = tmp_path / "config"
    file.write_text("contexts: [{name: theirs}]\ncurrent-context: theirs\n")
    monkeypatch.setenv("KUBECONFIG", str(file))
    merged = manor("local", "kubeconfig", "--name", "lab", "--merge")
    assert merged.out == f"context manor-lab is in {file}\n"
    found = yaml.safe_load(file.read_text())
    assert [context["name"] for context in found["contexts"]] == ["theirs", "manor-lab"]
    assert found["current-context"] == "theirs"
    assert manor("local", "down", "--name", "lab", "--yes").code == 0
    assert yaml.safe_load(file.read_text())["contexts"] == [{"name": "theirs"}]


def test_a_node_goes_with_its_data_only_when_somebody_says_so(node: Node, manor: Command) -> None:
    asked = manor("local", "down", "--name", "lab")
    assert asked.code == 2
    assert (
        f"its cluster with all that it holds, and the data of 1 volume in {node.home}" in asked.err
    )
    assert (
        asked.err.splitlines()[-1]
        == "error: nothing was removed: nobody is there to ask; say --yes"
    )
    assert node.home.is_dir()
    gone = manor("local", "down", "--name", "lab", "--yes")
    assert gone.code == 0, gone.err
    assert not node.home.exists()


@pytest.mark.usefixtures("node")
def test_a_machine_that_lacks_what_a_node_needs_is_told_what(manor: Command) -> None:
    refused = manor("local", "up", "--name", "other")
    assert refused.code == 2
    assert refused.err.startswith("error: this machine lacks what a node needs:\n")
    assert "you are not root" in refused.err
