"""Two teams train over two nodes each at once (docs/trainer.md), as their own users, on the real
Trainer and JobSet."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes import load_workload_images
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "04-trainer"
SPECS = [
    word
    for name in ("platform", "tenant-a", "tenant-b")
    for word in ("-f", str(FOLDER / f"{name}.yaml"))
]
TEAMS = ("tenant-a", "tenant-b")
TOOLS = ("jobset", "kubeflow-trainer")
WEBHOOKS = "mutatingwebhookconfigurations,validatingwebhookconfigurations"


@pytest.fixture(scope="module")
def teams(tool_example: Any) -> Iterator[Any]:
    """Trainer and a runtime of the platform's on the node, and two teams that may use them."""
    example = tool_example(FOLDER)
    load_workload_images(example.node.name, "jax")
    for name in TOOLS:
        example.manor("tools", "install", name, "--node", example.node.name)
    example.manor("apply", *SPECS)
    runtime = example.kubectl(None, "apply", "-f", str(FOLDER / "runtime.yaml"))
    assert runtime.returncode == 0, runtime.stderr
    yield example
    example.kubectl(None, "delete", "-f", str(FOLDER / "runtime.yaml"), "--wait=false")
    example.remove(SPECS, TEAMS)
    for name in reversed(TOOLS):
        example.manor("tools", "uninstall", name, "--yes")


def has_ended(teams: Any, team: str) -> bool:
    """Whether the team's TrainJob is complete, or failed."""
    got = teams.kubectl(f"{team}-user", "-n", team, "get", "trainjob", "line", "-o", "yaml").stdout
    conditions = yaml.safe_load(got).get("status", {}).get("conditions", ())
    return any(
        each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions
    )


def test_both_teams_train_over_two_nodes_at_once(teams: Any) -> None:
    job = yaml.safe_load((FOLDER / "train.yaml").read_text())
    for team in TEAMS:
        teams.create(
            f"{team}-user",
            yaml.safe_dump({**job, "metadata": {**job["metadata"], "namespace": team}}),
        )
    for team in TEAMS:
        until_now("the job ended", partial(has_ended, teams, team), 240)
        pods = ("-l", "jobset.sigs.k8s.io/jobset-name=line", "--tail=-1")
        said = teams.kubectl(f"{team}-user", "-n", team, "logs", *pods).stdout
        for number in range(2):
            assert f"process {number} of 2: y = 3.00 x + 1.00" in said


def test_a_function_of_a_script_trains_by_kubeflows_own_client(teams: Any, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    who = ("--name", teams.node.name, "--user", "tenant-a-user")
    config.write_text(teams.manor("local", "kubeconfig", *who))
    environment = {**os.environ, "KUBECONFIG": str(config)}
    words = [sys.executable, str(FOLDER / "function.py")]
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
    assert ended.returncode == 0, ended.stderr
    for number in range(2):
        assert f"process {number} of 2 is here" in ended.stdout


def test_the_platforms_runtimes_are_read_and_not_written(teams: Any) -> None:
    runtime = ("clustertrainingruntime", "jax")
    assert teams.kubectl("tenant-a-user", "get", *runtime).returncode == 0
    wider = ("--type=merge", "-p", '{"spec": {"mlPolicy": {"numNodes": 9}}}')
    assert (
        "cannot patch resource" in teams.kubectl("tenant-a-user", "patch", *runtime, *wider).stderr
    )


def test_no_webhook_of_theirs_stands_before_other_namespaces(teams: Any) -> None:
    found = yaml.safe_load(teams.kubectl(None, "get", WEBHOOKS, "-o", "yaml").stdout)["items"]
    labels = {
        rule["key"]
        for configuration in found
        for webhook in configuration["webhooks"]
        if webhook["clientConfig"]["service"]["namespace"] in ("jobset-system", "kubeflow-trainer")
        for rule in webhook["namespaceSelector"]["matchExpressions"]
    }
    assert labels == {f"tools.manor.dev/{name}" for name in TOOLS}


def test_verify_finds_nothing(teams: Any) -> None:
    report = teams.manor("verify", "--level", "dry-run", "--plane", "tools")
    assert "MNR-TOOLS-KUBEFLOW-TRAINER-RUNTIMES" in report
    assert "verified" in report
