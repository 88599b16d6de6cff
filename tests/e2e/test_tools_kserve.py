"""KServe for two teams (docs/kserve.md), and a Model that scales by what its pods use, on a real
node."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes import load_workload_images, run_manor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "05-kserve"
SPECS = ["-f", str(FOLDER / "platform.yaml"), "-f", str(FOLDER / "teams")]
TEAMS = ("red", "blue")
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.3, 3.3, 6.0, 2.5]]
REQUEST = json.dumps(
    {"inputs": [{"name": "x", "shape": [3, 4], "datatype": "FP64", "data": FLOWERS}]}
)
SCALED = """
apiVersion: manor.dev/v1alpha1
kind: Model
metadata: {name: scaled, namespace: serve-red}
spec:
  format: sklearn
  storageUri: pvc://models/iris/model.joblib
  access: {mode: public}
  autoscaling: {maxReplicas: 2, cpuPercent: 50}
  resources: {cpu: 100m, memory: 512Mi}
"""


@pytest.fixture(scope="module")
def teams(tool_example: Any) -> Iterator[Any]:
    """The example as its page has it: KServe and metrics-server installed, two teams, each with a
    trained model."""
    example = tool_example(FOLDER)
    load_workload_images(example.node.name, "training", "serving")
    for name in ("metrics-server", "kserve"):
        run_manor("tools", "install", name, "--node", example.node.name)
    example.manor("apply", *SPECS)
    train = (FOLDER / "train.yaml").read_text()
    jobs = "---\n".join(train.replace("serve-red", f"serve-{team}") for team in TEAMS)
    example.manor("apply", "-f", "-", given=jobs)
    for team in TEAMS:
        example.create(f"{team}-owner", served(team))
    yield example
    example.remove(SPECS, [f"serve-{team}" for team in TEAMS])
    for name in ("kserve", "metrics-server"):
        example.manor("tools", "uninstall", name, "--yes")


def served(team: str) -> str:
    """What the team writes."""
    return (FOLDER / "serve.yaml").read_text().replace("serve-red", f"serve-{team}")


def until(question: Callable[[], Any], seconds: float) -> Any:
    """The first answer that is not empty."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, "it never came"
        time.sleep(1)
    return answer


def get(teams: Any, team: str, *what: str) -> Any:
    """An object of a team's, as its owner sees it."""
    got = teams.kubectl(f"{team}-owner", "-n", f"serve-{team}", "get", *what, "-o", "yaml")
    return yaml.safe_load(got.stdout) or {}


def is_ready(teams: Any, team: str, name: str) -> bool:
    conditions = get(teams, team, "inferenceservice", name).get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def predicted(teams: Any, team: str, model: str = "iris", *, host: str = "") -> str:
    """What a model says by its team's host name, through the gateway."""
    headers = [
        "-H",
        f"Host: {host or f'serve-{team}.manor.local'}",
        "-H",
        "Content-Type: application/json",
    ]
    command = [
        "curl",
        "-s",
        "-m",
        "20",
        *headers,
        f"{teams.node.ingress}/v2/models/{model}/infer",
        "-d",
        REQUEST,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


def outputs(teams: Any, team: str, model: str = "iris") -> str:
    """What the model says; nothing until it answers as the protocol has it."""
    said = predicted(teams, team, model)
    return said if "outputs" in said else ""


def test_each_team_serves_by_its_own_host_name(teams: Any) -> None:
    for team in TEAMS:
        until(partial(is_ready, teams, team, "iris"), 180)
        answer = until(partial(outputs, teams, team), 60)
        assert json.loads(answer)["outputs"][0]["data"] == [0, 1, 2]
    other = teams.kubectl("blue-owner", "-n", "serve-red", "get", "inferenceservices")
    assert 'cannot list resource "inferenceservices"' in other.stderr


def test_a_team_gives_its_model_a_second_server(teams: Any) -> None:
    patch = json.dumps({"spec": {"predictor": {"minReplicas": 2}}})
    done = teams.kubectl(
        "red-owner", "-n", "serve-red", "patch", "isvc", "iris", "--type", "merge", "-p", patch
    )
    assert done.returncode == 0, done.stderr
    until(
        lambda: (
            get(teams, "red", "deployment", "iris-predictor")["status"].get("readyReplicas") == 2
        ),
        120,
    )


def test_what_kserve_makes_is_judged_as_the_teams(teams: Any) -> None:
    """A runtime with an image from elsewhere: its Deployment is refused to KServe's controller as
    to the team."""
    runtime, service, _ = yaml.safe_load_all(served("blue"))
    for obj in (runtime, service):
        obj["metadata"]["name"] = "foreign"
    runtime["spec"]["containers"][0]["image"] = "evil.example/mlserver:1"
    runtime["spec"]["supportedModelFormats"] = [
        {"name": "foreign", "version": "1", "autoSelect": True}
    ]
    service["spec"]["predictor"]["model"] |= {
        "runtime": "foreign",
        "modelFormat": {"name": "foreign"},
    }
    made = teams.kubectl(
        "blue-owner", "apply", "-f", "-", given=yaml.safe_dump_all([runtime, service])
    )
    assert made.returncode == 0, made.stderr
    refused = "ValidatingAdmissionPolicy 'manor-images'"
    until(lambda: refused in json.dumps(get(teams, "blue", "events")), 60)
    assert not get(teams, "blue", "deployment", "foreign-predictor")


def test_the_webhook_trusts_one_certificate_whose_key_is_in_no_file(teams: Any) -> None:
    secret = yaml.safe_load(
        teams.kubectl(
            None, "-n", "kserve", "get", "secret", "kserve-webhook-server-cert", "-o", "yaml"
        ).stdout
    )
    printed = run_manor("tools", "install", "kserve", "--node", teams.node.name, "--render").stdout
    assert secret["data"]["tls.key"] not in printed
    assert printed.count("<made by `manor tools install`>") > 2


def test_a_model_scales_up_and_down_by_what_its_pods_use(teams: Any) -> None:
    teams.manor("apply", "-f", "-", given=SCALED)
    until(lambda: "outputs" in predicted(teams, "red", "scaled"), 120)
    # Down again at once, not after the five minutes that are Kubernetes' default.
    patch = json.dumps({"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}})
    done = teams.kubectl(
        "red-owner", "-n", "serve-red", "patch", "hpa", "scaled", "--type", "merge", "-p", patch
    )
    assert done.returncode == 0, done.stderr

    def replicas() -> int:
        return int(get(teams, "red", "deployment", "scaled")["spec"]["replicas"])

    with ThreadPoolExecutor(4) as pool:
        asking = True

        def ask() -> None:
            while asking:
                predicted(teams, "red", "scaled")

        asked = [pool.submit(ask) for _ in range(4)]
        try:
            until(lambda: replicas() == 2, 180)
        finally:
            asking = False
        for each in asked:
            each.result()
    until(lambda: replicas() == 1, 180)
    teams.manor("delete", "-f", "-", "--yes", given=SCALED)


@pytest.fixture(scope="module")
def store(teams: Any) -> Iterator[Any]:
    """The platform's object store, and each team's model in its own bucket, by its own Secret."""
    image = "manor.local/seaweedfs:0.1.0"
    run_manor("local", "load-image", "--name", teams.node.name, image)
    made = teams.kubectl(None, "apply", "-f", str(FOLDER / "s3" / "store.yaml"))
    assert made.returncode == 0, made.stderr
    status = ("-n", "object-store", "rollout", "status", "deployment/s3", "--timeout=90s")
    ready = teams.kubectl(None, *status)
    assert ready.returncode == 0, ready.stdout + ready.stderr
    for team in TEAMS:
        until(partial(is_done, teams, team, "train-iris"), 180)
        teams.create(f"{team}-owner", of_team(team, "bucket"))
        teams.manor("apply", "-f", "-", given=of_team(team, "upload"))
    for team in TEAMS:
        until(partial(is_done, teams, team, "upload-iris"), 90)
    yield teams
    teams.kubectl(None, "delete", "namespace", "object-store", "--wait=false")


def is_done(teams: Any, team: str, job: str) -> bool:
    return bool(get(teams, team, "job", job).get("status", {}).get("succeeded"))


def of_team(team: str, name: str) -> str:
    """A file of the example's folder `s3`, as the team has it."""
    return re.sub(r"\bred\b", team, (FOLDER / "s3" / f"{name}.yaml").read_text())


def test_each_team_serves_from_its_bucket_by_its_own_secret(store: Any) -> None:
    for team in TEAMS:
        store.create(f"{team}-owner", of_team(team, "serve"))
    for team in TEAMS:
        until(partial(is_ready, store, team, "flowers"), 120)
        answer = until(partial(outputs, store, team, "flowers"), 60)
        assert json.loads(answer)["outputs"][0]["data"] == [0, 1, 2]


def test_nobody_gets_the_models_in_the_others_bucket(store: Any) -> None:
    service, _ = yaml.safe_load_all(of_team("blue", "serve"))
    service["metadata"]["name"] = "stolen"
    service["spec"]["predictor"]["model"]["storageUri"] = "s3://serve-red/iris"
    store.create("blue-owner", yaml.safe_dump(service))
    label = "serving.kserve.io/inferenceservice=stolen"

    def message() -> str:
        """What the storage initializer says at its end."""
        pods = get(store, "blue", "pods", "-l", label).get("items", [])
        inits = [init for pod in pods for init in pod["status"].get("initContainerStatuses", [])]
        states = [init.get(when, {}) for init in inits for when in ("lastState", "state")]
        return "".join(state.get("terminated", {}).get("message", "") for state in states)

    assert "s3://serve-red/iris cannot be fetched: S3 error [403]: Forbidden" in until(message, 60)
    store.kubectl("blue-owner", "-n", "serve-blue", "delete", "isvc", "stolen")

    service["metadata"]["annotations"]["serving.kserve.io/storageSecretName"] = "serve-red/bucket"
    refused = store.kubectl("blue-owner", "apply", "-f", "-", given=yaml.safe_dump(service))
    assert "storageSecretName is the plain name of a Secret of this namespace" in refused.stderr
    hidden = store.kubectl("blue-owner", "-n", "serve-red", "get", "secret", "bucket")
    assert 'cannot get resource "secrets"' in hidden.stderr
