"""Whose pods count for whom, on a real node: what its controllers and the operator made."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes import load_workload_images
from operator_process import operating
from team_commands import Team
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "01-two-teams"
PLATFORM = ["-f", str(EXAMPLE / "platform.yaml")]
TENANT = """
apiVersion: manor.dev/v1alpha1
kind: Tenant
metadata: {name: ledger}
spec:
  owners: [{name: dora}]
  members: [{name: eddy, role: editor}]
  quota: {cpu: 2, memory: 4Gi}
"""
IMAGE = "manor.local/base:0.1.0"
SMALL = {"cpu": "50m", "memory": "64Mi"}
WAIT = ["python3", "-c", "import time; time.sleep(600)"]
MARKS = {
    "train": {"app.kubernetes.io/name": "train", "app.kubernetes.io/component": "trainingjob"},
    "serve": {"app.kubernetes.io/name": "serve", "app.kubernetes.io/component": "model"},
}
FORGED_CPU = 400


@pytest.fixture
def team(tool_example: Any, tmp_path: Path) -> Iterator[Team]:
    example = tool_example(EXAMPLE)
    load_workload_images(example.node.name, "base")
    example.manor("apply", *PLATFORM, "-f", "-", given=TENANT)
    yield Team(example, tmp_path, "ledger", "eddy")
    given = ["delete", *PLATFORM, "-f", "-", "--yes", "--delete-data"]
    example.manor(*given, "--delete-namespace", "ledger", given=TENANT)


def wanted() -> list[dict[str, Any]]:
    """What eddy asks for."""
    meta = {"apiVersion": "manor.dev/v1alpha1"}
    job = {"image": IMAGE, "command": WAIT, "resources": SMALL}
    model = {"format": "custom", "image": IMAGE, "server": {"command": WAIT}, "resources": SMALL}
    return [
        {**meta, "kind": "TrainingJob", "metadata": {"name": "train"}, "spec": job},
        {**meta, "kind": "Model", "metadata": {"name": "serve"}, "spec": model},
    ]


def forged(job: str) -> list[dict[str, Any]]:
    """What dora makes in eddy's name; `job` is the UID of his."""
    requests = {"requests": {"cpu": f"{FORGED_CPU}m", "memory": "64Mi"}}
    container = {"name": "main", "image": IMAGE, "command": WAIT, "resources": requests}
    spec = {"containers": [container], "restartPolicy": "Never"}
    owner = {"apiVersion": "manor.dev/v1alpha1", "kind": "TrainingJob", "name": "train", "uid": job}
    meta = {"name": "more", "labels": MARKS["train"]}
    template = {"metadata": {"labels": MARKS["serve"] | {"of": "more"}}}
    selector = {"matchLabels": {"of": "more"}}
    always = {**spec, "restartPolicy": "Always"}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec},
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {**meta, "ownerReferences": [owner]},
            "spec": {"template": {"metadata": {"labels": MARKS["train"]}, "spec": spec}},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "serve-more", "labels": {"of": "more"}},
            "spec": {"replicas": 1, "selector": selector, "template": {**template, "spec": always}},
        },
    ]


def running(team: Team) -> int:
    pods = json.loads(team.kubectl("get", "pods", "-o", "json"))["items"]
    return sum(pod["status"]["phase"] == "Running" for pod in pods)


def test_what_a_colleague_labels_as_yours_counts_as_told(team: Team, tmp_path: Path) -> None:
    def create(user: str, objects: list[dict[str, Any]]) -> None:
        for one in objects:
            one["metadata"]["namespace"] = "ledger"
        team.example.create(user, yaml.safe_dump_all(objects))

    with operating(team.example.node.kubeconfig, tmp_path / "log"):
        create("eddy", wanted())
        until_now("both run", lambda: running(team) == 2, 180)
        job = json.loads(team.kubectl("get", "trainingjob", "train", "-o", "json"))
        assert job["metadata"]["annotations"]["manor.dev/requested-by"] == "eddy"
        hers = forged(job["metadata"]["uid"])
        create("dora", hers)
        hers[1]["metadata"]["ownerReferences"][0]["controller"] = True
        hers[1]["metadata"]["name"] = "controlled"
        refused = team.example.kubectl("dora", "create", "-f", "-", given=yaml.safe_dump(hers[1]))
        assert "manor-parts" in refused.stderr
        until_now("so do the others", lambda: running(team) == 5, 60)
        time.sleep(30)
        team.kubectl("delete", "pod/more", "job/more", "replicaset/serve-more")
        until_now("hers are gone", lambda: running(team) == 2, 120)
        # Not their pods: one that is made in the place of another after the Model is nobody's.
        team.kubectl("delete", "trainingjobs,models", "--all")
        until_now("nothing runs", lambda: running(team) == 0, 120)
    # What went is counted by now.
    told = team.manor("usage", "ledger", "--by", "person", "-o", "json", user="dora")
    assert told.returncode == 0, told.stderr
    lines = json.loads(told.stdout)["items"]
    cpu = {(line["person"], line["personAsTold"]): line["cpuHours"] for line in lines}
    assert set(cpu) == {("eddy", ""), ("", "eddy")}
    assert 0 < cpu["eddy", ""] < cpu["", "eddy"] / 3, cpu
    assert cpu["", "eddy"] > 3 * FORGED_CPU / 1000 * 30 / 3600 * 0.9, cpu
