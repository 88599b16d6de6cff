"""MLflow for two teams (docs/mlflow.md), on a real node: each team's runs and models are in its own
server, and outlive its pod."""

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes import load_workload_images, run_manor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "07-mlflow"
SPECS = ["-f", str(FOLDER / "platform.yaml"), "-f", str(FOLDER / "teams")]
TEAMS = ("red", "blue")
SERVER = "app.kubernetes.io/name=mlflow"
ASK = """
import sys, urllib.error, urllib.request
url, host = sys.argv[1:]
request = urllib.request.Request(url, headers={"Host": host} if host else {})
try:
    print(urllib.request.urlopen(request, timeout=5).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError as error:
    print("no way", error)
"""
"""Prints the status of an answer, asked for by a host name of one's choosing."""


@pytest.fixture(scope="module")
def teams(tool_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The example as its page has it: two teams, each with a job and a model that its owner
    applies."""
    example = tool_example(FOLDER)
    load_workload_images(example.node.name, "training", "serving", "mlflow")
    example.manor("apply", *SPECS)
    folder = tmp_path_factory.mktemp("teams")
    for team in TEAMS:
        who = ("--name", example.node.name, "--user", f"{team}-owner")
        kubeconfig, specs = folder / f"{team}-kubeconfig", folder / f"{team}.yaml"
        kubeconfig.write_text(run_manor("local", "kubeconfig", *who).stdout)
        written = "---\n".join((FOLDER / f"{name}.yaml").read_text() for name in ("train", "model"))
        written = written.replace("track-red", f"track-{team}")
        specs.write_text(written.replace('("iris")', f'("{team}s-iris")'))
        run_manor("apply", "--kubeconfig", str(kubeconfig), "-f", str(specs), "--no-wait")
    yield example
    example.remove(SPECS, [f"track-{team}" for team in TEAMS])


def until(question: Callable[[], Any], seconds: float) -> Any:
    """The first answer that is not empty."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, "it never came"
        time.sleep(1)
    return answer


def get(teams: Any, team: str, *what: str) -> Any:
    """An object of a team's, as its owner sees it."""
    got = teams.kubectl(f"{team}-owner", "-n", f"track-{team}", "get", *what, "-o", "yaml")
    return yaml.safe_load(got.stdout) or {}


def is_complete(teams: Any, team: str) -> bool:
    status = get(teams, team, "job", "train-iris").get("status", {})
    assert not status.get("failed"), teams.kubectl(
        f"{team}-owner", "-n", f"track-{team}", "logs", "job/train-iris"
    ).stdout
    return bool(status.get("succeeded"))


@contextmanager
def forwarded(teams: Any, team: str) -> Iterator[str]:
    """The team's server as its owner reaches it, on a port of this machine."""
    kubeconfig = ["--kubeconfig", str(teams.node.kubeconfig), "--as", f"{team}-owner"]
    command = ["kubectl", *kubeconfig, "-n", f"track-{team}", "port-forward", "svc/mlflow", ":80"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = re.search(r"127\.0\.0\.1:[0-9]+", process.stdout.readline())
            assert found
            yield f"http://{found.group()}/api/2.0/mlflow"
        finally:
            process.terminate()


def asked(url: str, **body: Any) -> Any:
    """What the REST API answers to a POST."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def runs(teams: Any, team: str) -> dict[str, dict[str, float]]:
    """The metrics of the team's runs, by the name of their experiment."""
    with forwarded(teams, team) as url:
        experiments = {
            each["experiment_id"]: each["name"]
            for each in asked(f"{url}/experiments/search", max_results=100)["experiments"]
        }
        found = asked(f"{url}/runs/search", experiment_ids=[*experiments]).get("runs", [])
    return {
        experiments[run["info"]["experiment_id"]]: {
            metric["key"]: metric["value"] for metric in run["data"]["metrics"]
        }
        for run in found
    }


def said(teams: Any, team: str, pod: str, url: str, host: str = "") -> str:
    """What a pod of the team's is answered at a URL."""
    where = ["-n", f"track-{team}", "exec", pod, "--", "python3", "-c", ASK, url, host]
    done = teams.kubectl(f"{team}-owner", *where)
    assert done.returncode == 0, done.stderr
    return str(done.stdout.strip())


def test_a_run_is_in_its_own_teams_server_and_in_no_other(teams: Any) -> None:
    for team in TEAMS:
        until(partial(is_complete, teams, team), 300)
    for team in TEAMS:
        (found,) = runs(teams, team).items()
        assert found[0] == f"{team}s-iris"
        assert found[1]["accuracy"] > 0.9


def is_served(teams: Any, team: str) -> bool:
    return bool(get(teams, team, "deployment", "iris").get("status", {}).get("readyReplicas"))


def test_what_a_team_registers_is_served_to_it(teams: Any) -> None:
    flowers = json.dumps([[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.3, 3.3, 6.0, 2.5]])
    for team in TEAMS:
        until(partial(is_served, teams, team), 180)
        where = ["-n", f"track-{team}", "--kubeconfig", str(teams.node.kubeconfig)]
        answer = json.loads(run_manor("predict", "iris", flowers, *where).stdout)
        assert answer["outputs"][0]["data"] == [0, 1, 2]


def test_a_neighbours_pod_reaches_no_server_but_its_own(teams: Any) -> None:
    server = get(teams, "red", "pods", "-l", SERVER)["items"][0]["status"]["podIP"]
    service = get(teams, "red", "service", "mlflow")["spec"]["clusterIP"]
    reds = {
        "pod": f"http://{server}:5000/health",
        "service": f"http://{service}/health",
        "name": "http://mlflow.track-red.svc/health",
    }
    own = "http://mlflow.track-blue.svc/health"
    assert said(teams, "blue", "deployment/iris", own) == "200"
    for url in reds.values():
        assert said(teams, "red", "deployment/iris", url) == "200"
        assert said(teams, "blue", "deployment/iris", url).startswith("no way"), url


def test_a_neighbours_people_reach_no_server_but_their_own(teams: Any) -> None:
    for what in ("pods/portforward", "pods/exec"):
        for team, answer in (("red", "yes"), ("blue", "no")):
            who = ["auth", "can-i", "create", what, "-n", "track-red"]
            assert teams.kubectl(f"{team}-owner", *who).stdout.strip() == answer, (team, what)


def test_the_server_answers_by_its_own_names_alone(teams: Any) -> None:
    url = "http://mlflow.track-red.svc/api/2.0/mlflow/experiments/search?max_results=1"
    for host, answer in (
        ("", "200"),
        ("mlflow.track-red", "200"),
        ("localhost:5000", "200"),
        ("track-red.manor.local", "403"),
        ("mlflow.track-red.svc.evil.example", "403"),
        ("mlflow.track-blue.svc", "403"),
    ):
        assert said(teams, "red", "deployment/iris", url, host) == answer, host


def is_ready(pod: Any) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def test_runs_outlive_the_servers_pod(teams: Any) -> None:
    before = runs(teams, "red")
    (pod,) = get(teams, "red", "pods", "-l", SERVER)["items"]
    gone = teams.kubectl("red-owner", "-n", "track-red", "delete", "pod", pod["metadata"]["name"])
    assert gone.returncode == 0, gone.stderr

    def again() -> bool:
        ready = [
            each for each in get(teams, "red", "pods", "-l", SERVER)["items"] if is_ready(each)
        ]
        return bool(ready) and pod["metadata"]["uid"] not in [p["metadata"]["uid"] for p in ready]

    until(again, 180)
    assert runs(teams, "red") == before


def test_verify_finds_nothing(teams: Any) -> None:
    """The live checks of the network want two teams that are open inside, and one is closed."""
    teams.manor("verify", "--level", "static", "--only", "MNR-NETWORK-021")
