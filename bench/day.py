"""A data scientist's day beside the same by hand, in one run: the first line of a script's log, a
model that is trained, served and asked, a notebook's page.

Manor's part is what a member of a team types, with the role editor and a kubeconfig of his own. By
hand are plain objects of the same images, commands, volumes and sizes, in a namespace without a
team, applied by kubectl as the administrator. Both alternate on one embedded node, whose images are
there already and whose operator works. Seconds are of the clock, from when the first command
starts; the median of the rounds counts. At last `bench/gateway.py` tells on the same node what a
request costs.

    sudo python bench/day.py [--node NAME] [--rounds N]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from ground import by_hand
from ground.administrator import PLATFORM, manor
from ground.api_server import MANOR, whole_node
from ground.person import Person, page
from manor.api import API_VERSION, Model, Platform, Tenant, TrainingJob, Workload
from manor.kube import Object
from manor.local import images
from manor.local.binaries import Bundle
from manor.local.containers import load_images
from manor.local.node import load_node
from manor.local.progress import Report

COMMANDS_MOST = 5
TEAM, MEMBER, PLAIN = "bench-day", "eva", "bench-by-hand"
IMAGES = ("base", "training", "serving", "workspace")
FLOWER = [[5.1, 3.5, 1.4, 0.2]]
SMALL = {"cpu": "250m", "memory": "512Mi"}
IDE = {"cpu": "100m", "memory": "768Mi"}
SCRIPTS = {
    "hello.py": "print('begun', flush=True)\n",
    "train.py": """
import os, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
os.makedirs("/models/iris", exist_ok=True)
model = LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
joblib.dump(model, "/models/iris/model.joblib")
print("trained")
""",
}


SAID = {"hello.py": "begun", "train.py": "trained"}


def spec(kind: str, name: str, body: Object, namespace: str | None = None) -> Object:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": body}


def image(name: str) -> str:
    return f"manor.local/{name}:0.1.0"


GROUND = [
    spec(
        "Platform",
        "manor",
        {
            **PLATFORM["spec"],
            "storageClasses": ["standard"],
            "images": {
                "training": image("training"),
                "workspace": image("workspace"),
                "serving": {"sklearn": image("serving")},
            },
            "workspaces": {"sizes": [{"name": "small", **IDE}]},
        },
    ),
    spec(
        "Tenant",
        TEAM,
        {
            "owners": [{"name": "ada"}],
            "members": [{"name": MEMBER, "role": "editor"}],
            "quota": {"cpu": 4, "memory": "8Gi", "storage": "20Gi"},
            "volumes": [{"name": "models", "size": "1Gi"}],
        },
    ),
]
JOB = {
    "command": ["python3", "train.py"],
    "files": {"train.py": ""},
    "volumes": [{"name": "models", "path": "/models"}],
    "resources": SMALL,
    "retries": 0,
}
MODEL = spec(
    "Model",
    "iris",
    {
        "format": "sklearn",
        "storageUri": "pvc://models/iris/model.joblib",
        "resources": {"cpu": "250m", "memory": "768Mi"},
    },
    TEAM,
)
NOTES = spec("Workspace", "notes", {"home": {"size": "1Gi"}, "stopped": True}, TEAM)


class WithManor:
    """The member of a team."""

    def __init__(self, person: Person) -> None:
        self.person = person
        _write(person, "model.yaml", MODEL)
        _write(person, "notes.yaml", NOTES)
        person.run(MANOR, "apply", "-f", "notes.yaml")

    def hello(self) -> float:
        """Seconds until the script has said something."""
        return self._run("hello.py")

    def served(self) -> float:
        """Seconds until the model has been asked."""
        began = time.monotonic()
        self._run("train.py")
        self.person.run(MANOR, "apply", "-f", "model.yaml")
        answer = self.person.run(MANOR, "predict", "iris", json.dumps(FLOWER))
        seconds = time.monotonic() - began
        assert json.loads(answer)["outputs"][0]["data"] == [0], answer
        return seconds

    def clear(self) -> None:
        """The model is gone."""
        self.person.run(MANOR, "delete", "model", "iris", "--yes")

    def notebook(self) -> float:
        """Seconds until the page of a notebook that is stopped is there."""
        began = time.monotonic()
        with self.person.opened(MANOR, "open", "notes", "--no-browser") as url:
            assert "JupyterLab" in page(url)
            seconds = time.monotonic() - began
        self.person.run(MANOR, "stop", "notes")
        return seconds

    def _run(self, script: str) -> float:
        asked = [f"--{name}={value}" for name, value in SMALL.items()]
        command = [MANOR, "run", f"code/{script}", "--volume=models:/models", *asked]
        seconds, lines = self.person.watch(*command)
        assert [line.strip() for line in lines] == [SAID[script]], lines
        return seconds


class ByHand:
    """The same with kubectl."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self._count = 0
        model = self._objects(Model.model_validate(MODEL), "iris")
        _write(person, "plain-model.yaml", *model)
        _write(person, "plain-notes.yaml", by_hand.notebook(image("workspace"), IDE, PLAIN))
        _write(person, "plain.yaml", *by_hand.place(PLAIN))
        person.run("kubectl", "apply", "-f", "plain.yaml")

    def hello(self) -> float:
        """Seconds until the script has said something."""
        return self._run("hello.py")[1]

    def served(self) -> float:
        """Seconds until the model has been asked."""
        began = time.monotonic()
        name, _ = self._run("train.py")
        self._kubectl("wait", "--for=condition=complete", f"job/{name}", "--timeout=120s")
        self._kubectl("apply", "-f", "plain-model.yaml")
        self._kubectl("rollout", "status", "deployment/iris", "--timeout=120s")
        inputs = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": FLOWER}
        with self._forwarded("service/iris", 80) as url:
            answer = page(f"{url}/v2/models/iris/infer", {"inputs": [inputs]})
            seconds = time.monotonic() - began
        self.person.typed.append("curl")
        assert json.loads(answer)["outputs"][0]["data"] == [0], answer
        return seconds

    def clear(self) -> None:
        """The model is gone."""
        self._kubectl("delete", "-f", "plain-model.yaml")

    def notebook(self) -> float:
        """Seconds until the page of a notebook is there."""
        began = time.monotonic()
        self._kubectl("apply", "-f", "plain-notes.yaml")
        self._kubectl("wait", "--for=condition=Ready", "pod/notes", "--timeout=120s")
        with self._forwarded("pod/notes", by_hand.PORT) as url:
            assert "JupyterLab" in page(f"{url}/?token={by_hand.TOKEN}")
            seconds = time.monotonic() - began
        self._kubectl("delete", "pod", "notes")
        return seconds

    def _run(self, script: str) -> tuple[str, float]:
        """The Job of a script, and the seconds until it has said something."""
        self._count += 1
        name = f"{Path(script).stem}-{self._count}"
        job = TrainingJob.model_validate(spec("TrainingJob", name, JOB, TEAM))
        file = _write(self.person, f"plain-{name}.yaml", *self._objects(job, name))
        began = time.monotonic()
        self._kubectl("create", "configmap", name, f"--from-file=train.py=code/{script}")
        self._kubectl("apply", "-f", file)
        # It fails while the container is made, and may find an empty log just after.
        logs = f"kubectl -n {PLAIN} logs -f job/{name} 2>/dev/null | grep --line-buffered ."
        follow = f"until {logs}; do sleep 0.1; done"
        made = time.monotonic() - began
        seconds, lines = self.person.watch("sh", "-c", follow)
        assert [line.strip() for line in lines] == [SAID[script]], lines
        return name, made + seconds

    def _objects(self, workload: Workload, name: str) -> Iterator[Object]:
        platform, tenant = Platform.model_validate(GROUND[0]), Tenant.model_validate(GROUND[1])
        return by_hand.workload(platform, tenant, workload, name, PLAIN)

    def _kubectl(self, *words: str) -> str:
        return self.person.run("kubectl", "-n", PLAIN, *words)

    @contextmanager
    def _forwarded(self, target: str, port: int) -> Iterator[str]:
        words = ("kubectl", "-n", PLAIN, "port-forward", target, f":{port}")
        with self.person.opened(*words) as line:
            yield f"http://{line.split()[2]}"


def _write(person: Person, name: str, *objects: Object) -> str:
    (person.folder / name).write_text(yaml.safe_dump_all(objects))
    return name


Take = Callable[[], float]


def alternated(title: str, bar: float, mine: Take, theirs: Take, rounds: int) -> bool:
    """Prints what a part takes by either; whether its bar holds."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        both = [(mine, taken[0]), (theirs, taken[1])]
        for take, seconds in both if number % 2 == 0 else reversed(both):
            seconds.append(take())
    medians = [statistics.median(seconds) for seconds in taken]
    each = [" ".join(f"{one:.1f}" for one in seconds) for seconds in taken]
    ours, hand = (f"{median:.1f} s ({said})" for median, said in zip(medians, each, strict=True))
    print(f"{title}: {ours}, by hand {hand}; bar {bar:.0f} s", flush=True)
    return medians[0] <= bar


def served(one: WithManor | ByHand, counts: list[int]) -> Take:
    """Has a model served from nothing, and counts the commands."""

    def take() -> float:
        one.person.typed.clear()
        seconds = one.served()
        counts.append(len(one.person.typed))
        one.clear()
        return seconds

    return take


def measure(one: WithManor, other: ByHand, rounds: int) -> bool:
    """Prints every part; whether all bars hold."""
    mine: list[int] = []
    theirs: list[int] = []
    holds = [
        alternated("script to its first line", 6, one.hello, other.hello, rounds),
        alternated(
            "script to trained, served, asked",
            40,
            served(one, mine),
            served(other, theirs),
            rounds,
        ),
        alternated("notebook to its page", 20, one.notebook, other.notebook, rounds),
        mine[0] <= COMMANDS_MOST,
    ]
    print(f"commands to a prediction: {mine[0]}, by hand {theirs[0]}; bar {COMMANDS_MOST}")
    return all(holds)


def ask_gateway(name: str, kubeconfig: Path) -> bool:
    """Has the gateway's own benchmark run inside the node's network."""
    node = load_node(name)
    program = [sys.executable, str(Path(__file__).with_name("gateway.py")), str(kubeconfig)]
    inside = ["ip", "netns", "exec", node.namespace, *program, node.address, "--tenants", "2"]
    return subprocess.run(inside).returncode == 0


@contextmanager
def ground(name: str, kubeconfig: Path) -> Iterator[None]:
    """The node's images, the operator and the team; gone with the block."""
    node = load_node(name)
    bundle = Bundle(Path(node.bin), Path(node.share))
    load_images(node, images.ensure(IMAGES, bundle=bundle, report=Report()).values())
    manor(kubeconfig, "install", "--node", name)
    manor(kubeconfig, "apply", "-f", "-", given=GROUND)
    try:
        yield
    finally:
        gone = ["--yes", "--delete-data", "--delete-namespace", TEAM]
        manor(kubeconfig, "delete", "-f", "-", *gone, given=GROUND)
        manor(kubeconfig, "uninstall", "--yes")


def member(name: str, folder: Path) -> Person:
    """A member of the team, with a kubeconfig of his own."""
    config = folder / "member.kubeconfig"
    command = [MANOR, "local", "kubeconfig", "--name", name, "--user", MEMBER]
    config.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    own = {"MANOR_KUBECONFIG": str(config), "MANOR_NAMESPACE": TEAM}
    return Person(folder, {**os.environ, **own})


def run(name: str, kubeconfig: Path, rounds: int) -> bool:
    with tempfile.TemporaryDirectory() as made, ground(name, kubeconfig):
        folder = Path(made)
        (folder / "code").mkdir()
        for script, text in SCRIPTS.items():
            (folder / "code" / script).write_text(text)
        admin = Person(folder, {**os.environ, "KUBECONFIG": str(kubeconfig)})
        try:
            holds = measure(WithManor(member(name, folder)), ByHand(admin), rounds)
            return ask_gateway(name, kubeconfig) and holds
        finally:
            admin.run("kubectl", "delete", "namespace", PLAIN, "--ignore-not-found")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument(
        "--node", help="An embedded node with nothing on it; a throw-away one when absent."
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with whole_node(options.node) as (name, kubeconfig):
        holds = run(name, kubeconfig, options.rounds)
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
