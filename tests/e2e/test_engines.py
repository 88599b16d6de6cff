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

import load
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
MODEL: dict[str, Any] = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "Model",
    "metadata": {"name": "iris", "namespace": TEAM},
    "spec": {
        "format": "sklearn",
        "storageUri": "pvc://models/iris/model.joblib",
        "access": {"mode": "public"},
        "resources": {"cpu": "100m", "memory": "512Mi"},
    },
}
SERVER = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def do_POST(self):
        given = self.rfile.read(int(self.headers["Content-Length"])).decode()
        files = os.listdir(os.environ["MODEL_PATH"])
        said = json.dumps({"asked": self.path, "given": json.loads(given), "files": files}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
http.server.HTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
"""
CUSTOM: dict[str, Any] = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "Model",
    "metadata": {"name": "chat", "namespace": TEAM},
    "spec": {
        "format": "custom",
        "image": "manor.local/base:0.1.0",
        "server": {"command": ["python3", "-c", SERVER], "args": ["9000"], "port": 9000},
        "storageUri": "pvc://models/iris",
        "resources": {"cpu": "50m", "memory": "128Mi"},
    },
}
"""An image that answers in a protocol of its own."""
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
        platform["spec"]["images"]["proxy"] = "manor.local/envoy:0.1.0"
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
    load_workload_images(example.node.name, "base", "training", "serving", "ray")
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


def test_what_a_model_is_asked_is_kept_by_kserve(engines: Engines) -> None:
    """No request is lost while that is turned on; by the engine native `test_data` has it."""
    example, model = engines.example, {**MODEL, "spec": dict(MODEL["spec"])}
    engines.choose(model="kserve")
    example.manor("apply", "-f", "-", given=yaml.safe_dump(model))
    until_now("it answers", lambda: engines.predicted() is not None, 60)
    model["spec"]["requestLog"] = {"uri": "pvc://models/asked"}
    example.manor("apply", "-f", "-", "--no-wait", given=yaml.safe_dump(model))
    answers = []

    def pods() -> list[Any]:
        words = ("-n", TEAM, "get", "pods", "-l", "app.kubernetes.io/name=iris", "-o", "json")
        found: list[Any] = json.loads(example.kubectl(OWNER, *words).stdout)["items"]
        return found

    def turned() -> bool:
        answers.append(engines.predicted())
        inits = [[one["name"] for one in pod["spec"]["initContainers"]] for pod in pods()]
        return len(inits) == 1 and "request-log" in inits[0]

    until_now("the pod of before is gone", turned, 180)
    answers += [engines.predicted() for _ in range(40)]
    assert [answer for answer in answers if answer != [0, 1, 2]] == []

    def kept() -> int:
        count = "import gzip, pathlib; print(sum(len(gzip.open(file).readlines()) for file in "
        count += "pathlib.Path('/mnt/log/asked').rglob('[!.]*.gz')))"
        run = ("exec", pods()[0]["metadata"]["name"], "-c", "request-log", "--")
        done = example.kubectl(OWNER, "-n", TEAM, *run, "python3", "-c", count)
        assert done.returncode == 0, done.stderr
        said = example.kubectl(OWNER, "-n", TEAM, "logs", run[1], "-c", "request-log").stdout
        print(f"{done.stdout.strip()} are kept; {said}")
        return int(done.stdout)

    until_now("all are kept", lambda: kept() >= 40, 120)


@pytest.mark.parametrize("engine", ["native", "kserve"])
def test_a_server_of_ones_own_is_asked_below_its_name(engines: Engines, engine: str) -> None:
    engines.choose(model=engine)
    manor = engines.example.manor
    manor("apply", "-f", "-", given=yaml.safe_dump(CUSTOM))
    asked = ("predict", "chat", '{"say": "hello"}', "--path", "v1/chat/completions", "-n", TEAM)
    said = manor(*asked)
    answer = json.loads(said[said.index("{") : said.rindex("}") + 1])
    expected = {"asked": "/v1/chat/completions", "given": {"say": "hello"}}
    assert answer == {**expected, "files": ["model.joblib"]}
    manor("delete", "-f", "-", "--yes", given=yaml.safe_dump(CUSTOM))


def test_no_version_that_comes_or_goes_loses_a_request(engines: Engines) -> None:
    """By `manor apply` alone, where no operator works; with one `test_two_teams` has it, by the
    engine native."""
    manor, kubectl = engines.example.manor, engines.example.kubectl
    engines.choose(model="kserve")
    spec: dict[str, Any] = {
        **CUSTOM["spec"],
        "server": {"command": ["python3", "-c", load.SERVER]},
        "storageUri": "pvc://models/one",
        "access": {"mode": "public"},
    }
    turned = {**CUSTOM, "metadata": {"name": "turned", "namespace": TEAM}, "spec": spec}

    def change(**fields: Any) -> None:
        live = yaml.safe_load(
            kubectl(OWNER, "-n", TEAM, "get", "model", "turned", "-o", "yaml").stdout
        )
        spec.pop("canary", None)
        spec["storageUri"] = live["spec"]["storageUri"]
        spec.update({field: value for field, value in fields.items() if value})
        never = "never" in str(fields)  # nobody waits for that
        manor("apply", "-f", "-", *["--no-wait"] * never, given=yaml.safe_dump(turned))

    def turn(how: str) -> None:
        manor("models", how, "turned", "-n", TEAM)

    def pods() -> int:
        labels = ("-l", "app.kubernetes.io/name=turned", "-o", "name")
        return len(kubectl(OWNER, "-n", TEAM, "get", "pods", *labels).stdout.split())

    manor("apply", "-f", "-", given=yaml.safe_dump(turned))
    where = (engines.example.node.ingress, f"{TEAM}.manor.local", "/models/turned/", "")
    with load.asking(*where) as asked:
        until_now("it answers", lambda: asked.shares().keys() == {"one"})
        asked.answers.clear()
        load.life_of_canaries(asked, change, turn, pods)
    manor("delete", "-f", "-", "--yes", given=yaml.safe_dump(turned))
    assert asked.lost == {}


JUDGED = """
import http.server, os, time
version = os.environ["MODEL_PATH"].rpartition("/")[2]
time.sleep(3600 if version == "never" else 0)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(0.02)
        # Its probe, which asks for the root, finds nothing wrong.
        self.send_response(500 if version == "bad" and self.path != "/" else 200)
        self.send_header("Content-Length", str(len(version)))
        self.end_headers()
        self.wfile.write(version.encode())
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


@pytest.fixture
def operated(engines: Engines) -> Iterator[Engines]:
    """With an operator while the test runs."""
    engines.example.manor("install", "--node", engines.example.node.name)
    yield engines
    engines.example.manor("uninstall", "--yes")


def test_a_canary_of_kserve_is_judged_and_goes_its_way_by_itself(operated: Engines) -> None:
    """A sound one becomes the model, one that errs is taken away, and one that never comes stays
    without a request."""
    example = operated.example
    kubectl = partial(example.kubectl, OWNER, "-n", TEAM)
    operated.choose(model="kserve")
    spec: dict[str, Any] = {
        **CUSTOM["spec"],
        "server": {"command": ["python3", "-c", JUDGED]},
        "storageUri": "pvc://models/one",
        "access": {"mode": "public"},
    }
    judged = {**CUSTOM, "metadata": {"name": "judged", "namespace": TEAM}, "spec": spec}
    example.manor("apply", "-f", "-", given=yaml.safe_dump(judged))

    def change(version: str) -> None:
        analysis = {"steps": [30, 60], "interval": "4s", "minRequests": 20}
        canary = {"storageUri": f"pvc://models/{version}", "weight": 0, "analysis": analysis}
        body = json.dumps({"spec": {"canary": canary}})
        done = kubectl("patch", "model", "judged", "--type=merge", "-p", body)
        assert done.returncode == 0, done.stderr

    def told(path: str) -> str:
        return str(kubectl("get", "model", "judged", "-o", f"jsonpath={path}").stdout)

    def stands(status: str) -> bool:
        return told("{.status.conditions[?(@.type=='CanaryPassed')].status}") == status

    serving = "{.spec['storageUri','canary']}"
    where = (example.node.ingress, f"{TEAM}.manor.local", "/models/judged/ask", "")
    with load.asking(*where) as asked:
        until_now("it answers", lambda: asked.shares().keys() == {"one"}, 120)
        asked.answers.clear()
        change("two")
        until_now("it is the model", lambda: stands("True"), 180)
        until_now("it answers alone", lambda: asked.shares().keys() == {"two"}, 120)
        assert told(serving) == "pvc://models/two"
        print("until it answers alone:", asked.answers)
        assert not asked.lost
        change("bad")
        until_now("it is found bad", lambda: stands("False"), 180)
        assert told(serving) == "pvc://models/two"
        until_now("nobody is sent to it", lambda: asked.shares().keys() == {"two"}, 120)
        assert {said[:3] for said in asked.lost} <= {"500", "503"}
        print("until nobody is sent to it:", asked.answers)
        asked.answers.clear()
        change("never")
        before = asked.answers.total()
        until_now("many are asked", lambda: asked.answers.total() > before + 600, 120)
        print("while one never comes:", asked.answers)
        assert told("{.spec.storageUri}") == "pvc://models/two"
        assert not stands("True")
        assert not asked.lost
    service = yaml.safe_load(kubectl("get", "inferenceservice", "judged", "-o", "yaml").stdout)
    assert service["metadata"]["labels"]["app.kubernetes.io/name"] == "judged"
    kubectl("delete", "model", "judged")
