"""Kubeflow's Notebooks for two teams (docs/kubeflow.md), with the real notebook controller, on a
real node.

No registry has it: the program `kubeflow-notebooks` in $MANOR_TOOL_BINARIES is its makers',
compiled. It runs beside the node, as the service account that it has in a cluster.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow_kinds import definitions
from nodes import load_workload_images

PROGRAM = Path(os.environ.get("MANOR_TOOL_BINARIES", "")).expanduser() / "kubeflow-notebooks"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (PROGRAM.is_file() and os.access(PROGRAM, os.X_OK)),
        reason="$MANOR_TOOL_BINARIES has no program kubeflow-notebooks (Kubeflow's notebook "
        "controller v1.11.0), and no registry has it",
    ),
]

FOLDER = Path(__file__).parents[2] / "examples" / "08-kubeflow"
SPECS = ["-f", str(FOLDER / "platform.yaml"), "-f", str(FOLDER / "teams")]
TEAMS = ("red", "blue")
ACCOUNT = "system:serviceaccount:kubeflow:notebook-controller-service-account"
PLATFORMS = """
apiVersion: v1
kind: Namespace
metadata: {name: kubeflow}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: notebook-controller-role-binding}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: notebook-controller-role}
subjects: [{kind: ServiceAccount, name: notebook-controller-service-account, namespace: kubeflow}]
"""
BELIEVER = """
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: kubeflow}
spec:
  containers:
    - name: main
      image: manor.local/training:0.1.0
      command: [python3, -m, http.server, "8081"]
"""
ASK = """
import sys, urllib.request
asked = urllib.request.Request(sys.argv[1], headers={"kubeflow-userid": "red-owner"})
try:
    print(urllib.request.urlopen(asked, timeout=5).status)
except OSError as error:
    print("no way", error)
"""


@pytest.fixture(scope="module")
def teams(tool_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The example as its page has it: the controller runs, two teams, a Notebook each."""
    example = tool_example(FOLDER)
    load_workload_images(example.node.name, "training")
    kinds = yaml.safe_dump_all(definitions())
    admin(example, "apply", "--server-side", "-f", "-", given=kinds)
    admin(example, "apply", "-f", "-", "-f", str(FOLDER / "controller.yaml"), given=PLATFORMS)
    example.manor("apply", *SPECS)
    with controller(example, tmp_path_factory.mktemp("controller")):
        for team in TEAMS:
            example.create(f"{team}-scientist", written(team))
        yield example
        example.remove(SPECS, [f"kf-{team}" for team in TEAMS])
    admin(example, "delete", "-f", "-", given=kinds)
    admin(
        example,
        *("delete", "--wait=false", "-f", "-", "-f", str(FOLDER / "controller.yaml")),
        given=PLATFORMS,
    )


@contextmanager
def controller(example: Any, folder: Path) -> Iterator[None]:
    """Kubeflow's own controller, which acts as its service account."""
    config = yaml.safe_load(example.node.kubeconfig.read_text())
    for user in config["users"]:
        user["user"]["as"] = ACCOUNT
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    command = [str(PROGRAM), "--kubeconfig", str(folder / "kubeconfig"), "--metrics-addr", "0"]
    settings = {"USE_ISTIO": "false", "ADD_FSGROUP": "false"}
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [*command, "--probe-addr", "0"], env=settings, stdout=log, stderr=log
        )
    try:
        yield
        assert running.poll() is None, (folder / "log").read_text()[-3000:]
    finally:
        running.terminate()
        running.wait(30)


def admin(example: Any, *args: str, given: str | None = None) -> str:
    """What kubectl says to the administrator."""
    done = example.kubectl(None, *args, given=given)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def written(team: str) -> str:
    """What the team writes."""
    return (FOLDER / "notebook.yaml").read_text().replace("kf-red", f"kf-{team}")


def until(what: str, question: Callable[[], Any], seconds: float) -> Any:
    """The first answer that is not empty."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"after {seconds:g} s still not: {what}"
        time.sleep(1)
    return answer


def get(teams: Any, team: str, *what: str) -> Any:
    """An object of a team's, as its scientist sees it."""
    asked = ("-n", f"kf-{team}", "get", *what, "-o", "yaml", "--ignore-not-found")
    return yaml.safe_load(teams.kubectl(f"{team}-scientist", *asked).stdout) or {}


def ready(teams: Any, team: str) -> bool:
    return bool(get(teams, team, "notebook", "lab").get("status", {}).get("readyReplicas"))


def asked(teams: Any, namespace: str, pod: str, url: str) -> str:
    """What a pod is answered that claims to be red's owner."""
    words = ("-n", namespace, "exec", pod, "--", "python3", "-c", ASK, url)
    return str(teams.kubectl(None, *words).stdout).strip()


def reached(teams: Any, team: str) -> bool:
    """Whether a team's Notebook answers by the team's own host name."""
    url = f"{teams.node.ingress}/notebook/kf-{team}/lab/"
    words = ["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"]
    words += ["-H", f"Host: kf-{team}.manor.local", url]
    return subprocess.run(words, capture_output=True, text=True, timeout=30).stdout == "200"


def test_each_team_has_its_notebook_by_its_own_host_name(teams: Any) -> None:
    for team in TEAMS:
        until(f"{team}'s Notebook", partial(ready, teams, team), 180)
        until(f"{team}'s way in", partial(reached, teams, team), 60)
    other = teams.kubectl("blue-owner", "-n", "kf-red", "get", "notebooks")
    assert 'cannot list resource "notebooks"' in other.stderr


def test_no_team_reaches_the_others_notebook(teams: Any) -> None:
    assert asked(teams, "kf-blue", "lab-0", "http://lab.kf-blue/") == "200"
    assert asked(teams, "kf-blue", "lab-0", "http://lab.kf-red/").startswith("no way")


def test_a_forged_header_gets_nowhere(teams: Any) -> None:
    """What would believe it is in Kubeflow's namespace, where no team's pod gets."""
    for name in ("kfam", "client"):
        admin(teams, "apply", "-f", "-", given=BELIEVER % name)
    words = ("--for=condition=Ready", "--timeout=90s", "pod/kfam", "pod/client")
    admin(teams, "-n", "kubeflow", "wait", *words)
    ip = admin(teams, "-n", "kubeflow", "get", "pod", "kfam", "-o", "jsonpath={.status.podIP}")
    assert asked(teams, "kubeflow", "client", f"http://{ip}:8081/") == "200"
    assert asked(teams, "kf-blue", "lab-0", f"http://{ip}:8081/").startswith("no way")


def test_what_the_controller_makes_is_judged_as_the_teams(teams: Any) -> None:
    """A Notebook with an image from elsewhere: its StatefulSet is refused to the controller as to
    the team."""
    notebook = next(yaml.safe_load_all(written("blue")))
    notebook["metadata"]["name"] = "foreign"
    notebook["spec"]["template"]["spec"]["containers"][0]["image"] = "evil.example/jupyter:1"
    made = teams.kubectl("blue-scientist", "apply", "-f", "-", given=yaml.safe_dump(notebook))
    assert made.returncode == 0, made.stderr
    # In the time in which the one before it was served by now.
    patch = '{"metadata": {"annotations": {"kubeflow-resource-stopped": "now"}}}'
    words = ("-n", "kf-blue", "patch", "notebook", "lab", "--type", "merge", "-p", patch)
    assert teams.kubectl("blue-scientist", *words).returncode == 0

    def stopped() -> bool:
        return bool(get(teams, "blue", "statefulset", "lab")["spec"]["replicas"] == 0)

    until("a stopped Notebook", stopped, 60)
    assert not get(teams, "blue", "statefulset", "foreign")


def test_verify_attacks_by_it(teams: Any) -> None:
    report = teams.manor("verify", "--level", "dry-run", "--plane", "tools")
    assert "MNR-TOOLS-KUBEFLOW-NOTEBOOKS" in report
    assert "verified: 1 pass" in report
