"""The same TrainingJob and Model by every engine (docs/engines.md), on the real systems: one
status, one log, one address, one prediction."""

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes import load_workload_images
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "05-kserve"
TOOLS = ("jobset", "kubeflow-trainer", "kuberay", "kserve")
TEAM, OWNER = "serve-red", "red-owner"
CODE = """
import os, socket, time

rank, port = int(os.environ["RANK"]), int(os.environ["MASTER_PORT"])
if rank == 0:
    with socket.create_server(("", port)) as server:
        server.accept()[0].sendall(b"found")
for _ in range(60 * rank):
    try:
        found = socket.create_connection((os.environ["MASTER_ADDR"], port)).recv(5).decode()
        print("the first is", found)
        break
    except OSError:
        time.sleep(1)
print(f"worker {rank} of {os.environ['WORLD_SIZE']}")
"""
JOB = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "TrainingJob",
    "metadata": {"name": "meet", "namespace": TEAM},
    "spec": {
        "image": "manor.local/ray:0.1.0",
        "command": ["python3", "meet.py"],
        "files": {"meet.py": CODE},
        "workers": 2,
        "resources": {"cpu": "100m", "memory": "1Gi"},
        "retries": 0,
    },
}
LOGS = {
    "native": ("-l", "batch.kubernetes.io/job-name=meet"),
    "kubeflow": ("-l", "jobset.sigs.k8s.io/jobset-name=meet"),
    "ray": ("job/meet",),
}
"""Where kubectl finds what the workers print."""
MODEL = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "Model",
    "metadata": {"name": "iris", "namespace": TEAM},
    "spec": {
        "format": "sklearn",
        "storageUri": "pvc://models/iris/model.joblib",
        "resources": {"cpu": "100m", "memory": "512Mi"},
    },
}
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.3, 3.3, 6.0, 2.5]]
INPUT = {"name": "x", "shape": [3, 4], "datatype": "FP64", "data": FLOWERS}


class Engines:
    """A team on a platform whose engines change."""

    def __init__(self, example: Any) -> None:
        self.example = example

    def specs(self, **engines: str) -> str:
        """The platform with these engines, and the team."""
        platform = yaml.safe_load((FOLDER / "platform.yaml").read_text())
        platform["spec"] |= {"tools": list(TOOLS), "engines": engines}
        team = yaml.safe_load((FOLDER / "teams" / "red.yaml").read_text())
        return yaml.safe_dump_all([platform, team])

    def choose(self, **engines: str) -> None:
        self.example.manor("apply", "-f", "-", given=self.specs(**engines))

    def stands(self, kind: str, phase: str) -> bool:
        return phase in self.example.manor("get", kind, "-n", TEAM)

    def kinds(self) -> set[str]:
        """What a TrainingJob has become."""
        words = ("jobs,trainjobs,rayjobs", "-o", "name")
        found = self.example.kubectl(OWNER, "-n", TEAM, "get", *words).stdout.split()
        return {name.partition(".")[0] for name in found if name.endswith("/meet")}

    def predicted(self) -> Any:
        """What the model answers at its address; nothing until it does."""
        url = f"{self.example.node.ingress}/v2/models/iris/infer"
        host = ("-H", f"Host: {TEAM}.manor.local", "-H", "Content-Type: application/json")
        words = ["curl", "-s", "-m", "20", *host, url, "-d", json.dumps({"inputs": [INPUT]})]
        said = subprocess.run(words, capture_output=True, text=True, timeout=60).stdout
        return json.loads(said)["outputs"][0]["data"] if "outputs" in said else None


@pytest.fixture(scope="module")
def engines(tool_example: Any) -> Iterator[Engines]:
    example = tool_example(FOLDER)
    load_workload_images(example.node.name, "training", "serving", "ray")
    for name in TOOLS:
        example.manor("tools", "install", name, "--node", example.node.name)
    made = Engines(example)
    yield made
    example.manor(
        *("delete", "-f", "-", "--yes", "--delete-data", "--delete-namespace", TEAM),
        given=made.specs(),
    )
    for name in reversed(TOOLS):
        example.manor("tools", "uninstall", name, "--yes")


@pytest.mark.parametrize(
    ("engine", "kinds"),
    [("native", {"job"}), ("kubeflow", {"trainjob"}), ("ray", {"job", "rayjob"})],
)
def test_workers_meet_by_every_engine(engines: Engines, engine: str, kinds: set[str]) -> None:
    example = engines.example
    engines.choose(trainingJob=engine)
    example.manor("apply", "-f", "-", "--no-wait", given=yaml.safe_dump(JOB))
    until_now("it is complete", partial(engines.stands, "trainingjobs", "Succeeded"), 240)
    assert engines.kinds() == kinds
    said = example.kubectl(OWNER, "-n", TEAM, "logs", *LOGS[engine], "--tail=-1").stdout
    for line in ("worker 0 of 2", "worker 1 of 2", "the first is found"):
        assert line in said
    example.manor("delete", "-f", "-", "--yes", given=yaml.safe_dump(JOB))
    until_now("it is gone", lambda: not engines.kinds(), 60)


def test_a_model_answers_the_same_by_every_engine(engines: Engines) -> None:
    example = engines.example
    engines.choose()
    example.manor("apply", "-f", "-", given=(FOLDER / "train.yaml").read_text())
    for engine, made, former in (
        ("native", "deployment/iris", "inferenceservice/iris"),
        ("kserve", "inferenceservice/iris", "deployment/iris"),
    ):
        engines.choose(model=engine)
        example.manor("apply", "-f", "-", given=yaml.safe_dump(MODEL))
        assert engines.stands("models", "Ready")
        until_now("it answers", lambda: engines.predicted() is not None, 60)
        assert engines.predicted() == [0, 1, 2]
        get = partial(example.kubectl, OWNER, "-n", TEAM, "get")
        assert get(made).returncode == 0
        assert get(former).returncode != 0
