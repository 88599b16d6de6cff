"""Why does my job not start? Each cause on a real node, told to the team's owner by its name."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes import load_workload_images, run_manor
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "01-two-teams"
PLATFORM = ["-f", str(EXAMPLE / "platform.yaml")]
IMAGE = "manor.local/base:0.1.0"
TENANT = """
apiVersion: manor.dev/v1alpha1
kind: Tenant
metadata: {name: doubt}
spec:
  owners: [{name: dora}]
  quota: {cpu: 2, memory: 2Gi, storage: 1Gi}
"""
TRAINING = f"""
apiVersion: manor.dev/v1alpha1
kind: TrainingJob
metadata: {{name: crash, namespace: doubt}}
spec:
  image: {IMAGE}
  command: [python3, -c, 'print("reads train.csv"); print("no rows in train.csv"); exit(3)']
  retries: 0
  resources: {{cpu: 50m, memory: 64Mi}}
"""
Ask = Callable[..., dict[str, Any]]


def pod(image: str = IMAGE, cpu: str = "50m", **fields: Any) -> dict[str, Any]:
    """A pod's spec as the guardrails want it."""
    amounts = {"cpu": cpu, "memory": "64Mi", "ephemeral-storage": "16Mi"}
    limits = {"memory": "64Mi", "ephemeral-storage": "16Mi"}
    secure: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "c",
        "image": image,
        "command": ["python3", "-c", "import time; time.sleep(600)"],
        "resources": {"requests": amounts, "limits": limits},
        "securityContext": secure,
    }
    return {"restartPolicy": "Never", "containers": [container], **fields}


def job(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    body = {"backoffLimit": 0, "template": {"spec": spec}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": body}


@pytest.fixture(scope="module")
def team(tool_example: Any) -> Iterator[Any]:
    """A team with a small budget, without anything in it."""
    example = tool_example(EXAMPLE)
    load_workload_images(example.node.name, "base")
    example.manor("apply", *PLATFORM, "-f", "-", given=TENANT)
    yield example
    spaces = ["--delete-namespace", "doubt"]
    given = ["delete", *PLATFORM, "-f", "-", "--yes", "--delete-data", *spaces]
    example.manor(*given, given=TENANT)


@pytest.fixture(scope="module")
def ask(team: Any, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """What `manor explain` says to the owner; its exit code is under `code`."""
    config = tmp_path_factory.mktemp("dora") / "kubeconfig"
    config.write_text(team.manor("local", "kubeconfig", "--name", team.node.name, "--user", "dora"))

    def asked(*words: str) -> dict[str, Any]:
        where = ["-n", "doubt", "-o", "json", "--kubeconfig", str(config)]
        done = run_manor("explain", *words, *where, check=False)
        assert done.returncode in (0, 1), done.stderr
        return {**json.loads(done.stdout), "code": done.returncode}

    return asked


def make(team: Any, *objects: dict[str, Any]) -> None:
    done = team.kubectl(
        "dora", "-n", "doubt", "create", "-f", "-", given=yaml.safe_dump_all(objects)
    )
    assert done.returncode == 0, done.stderr


def test_each_cause_is_told_by_its_name(team: Any, ask: Ask) -> None:
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "nowhere"}}
    secret = {"name": "key", "secret": {"secretName": "nobody"}}
    term = {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"}
    beside = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    mounts = pod(volumes=[secret])
    mounts["containers"][0]["volumeMounts"] = [{"name": "key", "mountPath": "/key"}]
    privileged = pod()
    privileged["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    asked = {
        "image": (pod("manor.local/absent:1"), "ImageUnavailable", "manor.local/absent:1"),
        "volume": (pod(volumes=[claim]), "VolumeUnavailable", "there is no volume claim nowhere"),
        "mount": (mounts, "VolumeUnavailable", 'secret "nobody" not found'),
        "node": (pod(affinity=beside), "Unschedulable", "no node takes it: of 1 nodes: 1 "),
        "policy": (privileged, "Refused", "refused by PodSecurity"),
        "large": (pod(cpu="3"), "QuotaExceeded", "requests.cpu: 3 asked for"),
    }
    make(team, *(job(name, spec) for name, (spec, _, _) in asked.items()))
    for name, (_, reason, words) in asked.items():
        until_now(
            f"{name} is told as {reason}: {ask('job', name)}",
            partial(_is_told, ask, name, reason),
        )
        told = ask("job", name)
        assert words in told["message"]
        assert told["advice"]
        assert (told["code"], told["runs"]) == (1, False)


def test_a_crash_is_told_with_the_exit_code_and_the_last_line(team: Any, ask: Ask) -> None:
    team.manor("apply", "--no-wait", "-f", "-", given=TRAINING)
    # The Job's controller tells of the failure a moment after the container's end.
    until_now("it failed", lambda: ask("job", "crash")["phase"] == "Failed")
    told = ask("job", "crash")
    words = "container worker ended with exit code 3: no rows in train.csv"
    assert (told["message"], told["reason"]) == (words, "Crashed")
    line = team.manor("get", "jobs", "-n", "doubt").splitlines()[1]
    assert line.startswith("crash   Failed")
    assert line.endswith(words)
    whole = team.manor("describe", "tenant", "doubt")
    assert f"TrainingJob doubt/crash: {words}" in whole


def test_a_pod_is_tried_before_it_is_made(team: Any, ask: Ask, tmp_path: Path) -> None:
    def like(spec: dict[str, Any]) -> dict[str, Any]:
        obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "try"}, "spec": spec}
        file = tmp_path / "pod.yaml"
        file.write_text(yaml.safe_dump(obj))
        return ask("-f", str(file))

    before = team.kubectl("dora", "-n", "doubt", "get", "pods", "-o", "name").stdout
    good = like(pod())
    assert (good["code"], good["reason"]) == (0, "Progressing"), good
    assert "nodes" in good["unseen"]
    bad = like(pod("docker.io/library/python:3"))
    assert (bad["code"], bad["reason"]) == (1, "Refused"), bad
    assert bad["message"].startswith("refused by manor-")
    large = like(pod(cpu="8"))
    assert (large["code"], large["reason"]) == (1, "QuotaExceeded"), large
    assert team.kubectl("dora", "-n", "doubt", "get", "pods", "-o", "name").stdout == before


def _is_told(ask: Callable[..., Any], name: str, reason: str) -> bool:
    return bool(ask("job", name)["reason"] == reason)
