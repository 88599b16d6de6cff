"""Seldon Core 1 for two teams (docs/seldon.md) with its real operator, on a real node.

Its operator is in no package registry: these tests run where MANOR_TOOL_BINARIES has the program
`seldon`, that of v1.17.1."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from makers import definitions
from manor.local.containers import load_images
from manor.local.images import ensure_program
from manor.local.node import load_node
from manor.local.progress import Report
from manor.local.tool_images import ENVIRONMENT_VARIABLE
from manor.render import spec_object
from manor.rollout.fixtures import definition
from manor.tools import shipped
from nodes import load_workload_images
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "09-seldon"
SPECS = ["-f", str(FOLDER / "platform.yaml"), "-f", str(FOLDER / "teams")]
OPERATOR = (FOLDER / "operator.yaml").read_text()
TEAMS = ("red", "blue")
GROUP = "machinelearning.seldon.io"
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.3, 3.3, 6.0, 2.5]]
REQUEST = json.dumps(
    {"inputs": [{"name": "x", "shape": [3, 4], "datatype": "FP64", "data": FLOWERS}]}
)
PETALS = """
apiVersion: manor.dev/v1alpha1
kind: Model
metadata: {name: petals, namespace: seldon-red}
spec:
  format: sklearn
  storageUri: pvc://models/iris/model.joblib
  resources: {cpu: 100m, memory: 512Mi}
"""


@pytest.fixture(scope="module")
def teams(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The example as its page has it: the operator set up, two teams, each with a trained model."""
    program = Path(os.environ.get(ENVIRONMENT_VARIABLE) or "/nowhere").expanduser() / "seldon"
    if not os.access(program, os.X_OK):
        pytest.skip(f"{ENVIRONMENT_VARIABLE} has no program `seldon`: Seldon's operator, v1.17.1")
    example = request.getfixturevalue("tool_example")(FOLDER)  # not before: it starts a node
    load_workload_images(example.node.name, "training", "serving")
    image = ensure_program("seldon", image_of_operator(), program, Report())
    load_images(load_node(example.node.name), [image])
    installed(example, kind(), OPERATOR, certificate(tmp_path_factory.mktemp("certificate")))
    example.manor("apply", *SPECS)
    train = (FOLDER / "train.yaml").read_text()
    jobs = "---\n".join(train.replace("seldon-red", f"seldon-{team}") for team in TEAMS)
    example.manor("apply", "-f", "-", given=jobs)
    for team in TEAMS:
        example.create(f"{team}-owner", served(team))
    yield example
    example.remove(SPECS, [f"seldon-{team}" for team in TEAMS])
    done = example.kubectl(None, "delete", "-f", "-", given=OPERATOR + "---\n" + kind())
    assert done.returncode == 0, done.stderr


def image_of_operator() -> str:
    (deployment,) = (o for o in yaml.safe_load_all(OPERATOR) if o["kind"] == "Deployment")
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def kind() -> str:
    """SeldonDeployment, as its makers define it where that is at hand, else without a schema."""
    made = definitions(GROUP)
    if not made:
        bare = definition(GROUP, "v1", "SeldonDeployment", "seldondeployments", "Namespaced")
        bare["spec"]["versions"][0]["subresources"] = {"status": {}}
        made = [bare]
    return yaml.safe_dump_all(made)


def certificate(folder: Path) -> str:
    """The Secret that docs/seldon.md has `openssl` and `kubectl` make."""
    subject = ["-subj", "/CN=seldon-webhook-service.seldon-system.svc"]
    made = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
    subprocess.run([*command, *subject, *made], check=True, capture_output=True)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "seldon-webhook-server-cert", "namespace": "seldon-system"},
        "stringData": {name: (folder / name).read_text() for name in ("tls.crt", "tls.key")},
    }
    return yaml.safe_dump(secret)


def installed(example: Any, *texts: str) -> None:
    """The objects are there, and the operator is ready."""
    for text in texts:
        done = example.kubectl(None, "apply", "--server-side", "-f", "-", given=text)
        assert done.returncode == 0, done.stderr
    place = ["-n", "seldon-system", "rollout", "status", "deployment/seldon-controller-manager"]
    done = example.kubectl(None, *place, "--timeout", "100s")
    assert done.returncode == 0, done.stdout + done.stderr


def served(team: str) -> str:
    """What the team writes."""
    return (FOLDER / "serve.yaml").read_text().replace("seldon-red", f"seldon-{team}")


def deployment(team: str, name: str) -> dict[str, Any]:
    """The team's SeldonDeployment by another name, without a route."""
    made: dict[str, Any] = next(yaml.safe_load_all(served(team)))
    made["metadata"]["name"] = name
    return made


def get(teams: Any, team: str, *what: str) -> Any:
    """An object of a team's, as its owner sees it."""
    got = teams.kubectl(f"{team}-owner", "-n", f"seldon-{team}", "get", *what, "-o", "yaml")
    return yaml.safe_load(got.stdout) or {}


def is_in(state: str, teams: Any, team: str, name: str) -> bool:
    """Whether a SeldonDeployment is in that state: Available, Creating or Failed."""
    status = get(teams, team, "seldondeployment", name).get("status", {})
    return bool(status.get("state") == state)


def answers(teams: Any, team: str, model: str = "iris") -> bool:
    """Whether the model answers as the protocol has it."""
    return "outputs" in predicted(teams, team, model)


def predicted(teams: Any, team: str, model: str = "iris") -> str:
    """What a model says by its team's host name."""
    headers = [f"Host: seldon-{team}.manor.local", "Content-Type: application/json"]
    command = [
        *("curl", "-s", "-m", "20", *(word for header in headers for word in ("-H", header))),
        *(f"{teams.node.ingress}/v2/models/{model}/infer", "-d", REQUEST),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


def restarts(teams: Any) -> int:
    """How often the operator has ended."""
    got = teams.kubectl(None, "-n", "seldon-system", "get", "pods", "-o", "yaml")
    (pod,) = yaml.safe_load(got.stdout)["items"]
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


def test_each_team_serves_by_its_own_host_name(teams: Any) -> None:
    for team in TEAMS:
        until_now("available", partial(is_in, "Available", teams, team, "iris"), 180)
        until_now("answered", partial(answers, teams, team), 60)
        assert json.loads(predicted(teams, team))["outputs"][0]["data"] == [0, 1, 2]
    other = teams.kubectl("blue-owner", "-n", "seldon-red", "get", "seldondeployments")
    assert 'cannot list resource "seldondeployments"' in other.stderr


def test_a_model_by_the_engine_seldon_answers_as_by_any_other(teams: Any) -> None:
    """At the Model's own address, by what the operator makes of Manor's SeldonDeployment, which
    goes with the Model."""
    platform = yaml.safe_load((FOLDER / "platform.yaml").read_text())
    platform["spec"]["engines"] = {"model": "seldon"}
    teams.manor("apply", "-f", "-", given=yaml.safe_dump_all([platform]))
    teams.manor("apply", "-f", "-", given=PETALS)
    until_now("it asks for a key", lambda: predicted(teams, "red", "petals") == "Jwt is missing")
    assert is_in("Available", teams, "red", "petals")
    assert "Ready" in teams.manor("get", "models", "petals", "-n", "seldon-red")
    asked = teams.manor("predict", "petals", json.dumps(FLOWERS), "-n", "seldon-red")
    assert json.loads(asked)["outputs"][0]["data"] == [0, 1, 2]
    teams.manor("delete", "-f", "-", "--yes", given=PETALS)
    assert not get(teams, "red", "seldondeployment", "petals")
    teams.manor("apply", *SPECS)


def test_a_canary_is_a_second_predictor_with_a_service_of_its_own(teams: Any) -> None:
    made = deployment("red", "two")
    (main,) = made["spec"]["predictors"]
    canary = {**main, "name": "canary"}
    made["spec"]["predictors"] = [{**main, "traffic": 90}, {**canary, "traffic": 10}]
    teams.create("red-owner", yaml.safe_dump(made))
    until_now("available", partial(is_in, "Available", teams, "red", "two"), 120)
    for predictor in ("main", "canary"):
        service = get(teams, "red", "service", f"two-{predictor}")
        assert {port["name"]: port["port"] for port in service["spec"]["ports"]}["http"] == 9000
    teams.kubectl("red-owner", "-n", "seldon-red", "delete", "seldondeployment", "two")


def test_what_the_operator_makes_is_judged_as_the_teams(teams: Any) -> None:
    """A model server from elsewhere, and the orchestrator of Seldon's, which is not of this
    Platform's registries: their Deployments are refused to the operator as to the team."""
    foreign, orchestrated = deployment("blue", "foreign"), deployment("blue", "orchestrated")
    (predictor,) = foreign["spec"]["predictors"]
    predictor["componentSpecs"][0]["spec"]["containers"][0]["image"] = "evil.example/mlserver:1"
    del orchestrated["spec"]["predictors"][0]["annotations"]
    for made in (foreign, orchestrated):
        name = made["metadata"]["name"]
        teams.create("blue-owner", yaml.safe_dump(made))
        until_now("refused", partial(is_in, "Failed", teams, "blue", name), 60)
        said = get(teams, "blue", "seldondeployment", name)["status"]["description"]
        assert "ValidatingAdmissionPolicy 'manor-images'" in said
        teams.kubectl("blue-owner", "-n", "seldon-blue", "delete", "seldondeployment", name)


def test_without_its_guardrail_one_team_ends_the_operator_of_all(
    teams: Any, tmp_path: Path
) -> None:
    """What the guardrail is for: an object without predictors is refused; by the same Tool without
    it, it is admitted, and the operator ends."""
    empty = deployment("blue", "empty")
    empty["spec"]["predictors"] = []
    given = yaml.safe_dump(empty)
    refused = teams.kubectl("blue-owner", "apply", "-f", "-", given=given)
    assert "ValidatingAdmissionPolicy 'manor-seldon-deployments'" in refused.stderr
    assert not restarts(teams)
    tool = spec_object(shipped()["seldon"])
    del tool["spec"]["guardrails"]
    (tmp_path / "open.yaml").write_text(yaml.safe_dump(tool))
    platform = ["-f", str(FOLDER / "platform.yaml")]
    teams.manor("apply", *platform, "-f", str(tmp_path / "open.yaml"), "--no-wait")
    try:
        # The API server acts by a policy for a moment after it is gone.
        until_now(
            "admitted",
            lambda: not teams.kubectl("blue-owner", "apply", "-f", "-", given=given).returncode,
            30,
        )
        until_now("ended", lambda: restarts(teams) > 0, 60)
    finally:
        teams.kubectl("blue-owner", "-n", "seldon-blue", "delete", "seldondeployment", "empty")
        teams.manor("delete", "-f", str(tmp_path / "open.yaml"), "--yes")
        teams.manor("apply", *platform)
