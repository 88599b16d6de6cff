"""Sweeps: what each trial is told, how many run at once, what each came to."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import job, platform, tenant
from manor.api.workload import PARAMETERS_LIMIT
from manor.engines import Phase, checked, render_workload
from manor.engines.registry import ENGINES
from manor.jobs import BadRequest, Request, grid
from manor.jobs.request import training_job
from manor.kube import Object
from manor.load import Document, validated
from manor.render import spec_object
from manor.rollout.trials import indexes, trials_of
from served_kinds import MANORS

pytestmark = pytest.mark.unit

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,5}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SETS = [{"LR": "0.1"}, {"LR": "0.01"}, {"LR": '$(HOME) "ü"'}]


def container(sets: list[dict[str, str]], **spec: Any) -> Any:
    sweep = {"parameters": sets, "atOnce": 2}
    (made,) = render_workload(platform(), tenant(), job(sweep=sweep, **spec))
    return made["spec"]["template"]["spec"]["containers"][0]


def run_trial(made: Object, index: int, command: list[str]) -> str:
    """What a trial prints, by the command that the kubelet would start."""
    sets = {one["name"]: one.get("value", "") for one in made["env"]}["MANOR_SWEEP"]
    environment = {**os.environ, "JOB_COMPLETION_INDEX": str(index)}
    # Nothing is left to expand but the dollars that stand for themselves.
    environment["MANOR_SWEEP"] = sets.replace("$$", "$")
    assert "$" not in sets.replace("$$", "")
    launch = [*made["command"][:3], *command]
    done = subprocess.run(launch, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_each_trial_finds_its_set_in_its_environment() -> None:
    made = container(SETS)
    assert made["command"][3:] == ["python3", "train.py"]
    look = ["python3", "-c", "import os; print(os.environ['LR'], 'MANOR_SWEEP' in os.environ)"]
    said = [run_trial(made, index, look) for index in range(3)]
    assert said == ["0.1 False\n", "0.01 False\n", '$(HOME) "ü" False\n']


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3))
def test_any_value_comes_as_it_was_written(one: dict[str, str]) -> None:
    value = {e["name"]: e.get("value", "") for e in container([one])["env"]}["MANOR_SWEEP"]
    assert "$" not in value.replace("$$", "")
    assert json.loads(value.replace("$$", "$")) == [one]


def test_the_sets_of_a_sweep_fit_into_one_variable() -> None:
    """Linux takes 128 KiB for one; a control character takes six bytes of it."""
    name = "N" * 8
    count = PARAMETERS_LIMIT // 100 // 16
    sets = [{f"{name}{i:02}": "\1" * (count - 10) for i in range(16)} for _ in range(100)]
    value = {e["name"]: e.get("value", "") for e in container(sets)["env"]}["MANOR_SWEEP"]
    assert len(value.encode()) < 128 * 1024 - len("MANOR_SWEEP=") - 1


def test_a_trial_is_the_only_worker_of_its_own_and_few_run_at_once() -> None:
    (made,) = render_workload(
        platform(), tenant(), job(sweep={"parameters": SETS, "atOnce": 2}, retries=1)
    )
    spec = made["spec"]
    assert (spec["completions"], spec["parallelism"], spec["backoffLimitPerIndex"]) == (3, 2, 1)
    assert "backoffLimit" not in spec
    env = {one["name"]: one.get("value") for one in container(SETS)["env"]}
    assert [env[name] for name in ("RANK", "NODE_RANK", "WORLD_SIZE")] == ["0", "0", "1"]
    (few,) = render_workload(platform(), tenant(), job(sweep={"parameters": SETS[:1], "atOnce": 9}))
    assert few["spec"]["parallelism"] == 1


def test_so_many_as_run_at_once_count_in_the_budget() -> None:
    team = tenant(quota={"cpu": "4", "memory": "32Gi"})
    for at_once, fits in ((2, True), (3, False)):
        spec = job(sweep={"parameters": SETS, "atOnce": at_once}, resources={"cpu": "2"})
        _, objections = checked(platform(), {"vision": team}, [spec])
        assert [one.path for one in objections] == ([] if fits else [("spec", "resources", "cpu")])


def test_a_schedule_makes_sweeps() -> None:
    (made,) = render_workload(
        platform(), tenant(), job(sweep={"parameters": SETS}, schedule="@daily")
    )
    assert made["spec"]["jobTemplate"]["spec"]["completions"] == 3


@pytest.mark.parametrize("engine", ["kubeflow", "ray"])
def test_an_engine_that_has_no_trials_says_so(engine: str) -> None:
    spec = job(sweep={"parameters": SETS}, resources={"memory": "2Gi"})
    assert [one.path for one in ENGINES[engine].unsupported(spec)] == [("spec", "sweep")]


def test_a_grid_is_every_combination() -> None:
    assert grid([]) == []
    assert grid(["A=1,2", "B=x"]) == [{"A": "1", "B": "x"}, {"A": "2", "B": "x"}]
    assert len(grid(["A=1,2", "B=3,4,5"])) == 6
    with pytest.raises(BadRequest, match="NAME=VALUE"):
        grid(["A"])
    with pytest.raises(BadRequest, match="A has no value"):
        grid(["B=1", "A="])
    obj = training_job(Request(["x"], sweep=[{"LR": 0.1}], at_once=2), "vision", {})
    validated(Document(obj, "", {(): 0}))
    assert obj["spec"]["sweep"] == {"parameters": [{"LR": "0.1"}], "atOnce": 2}


def test_indexes_are_read_as_a_job_writes_them() -> None:
    assert indexes("") == set()
    assert indexes("1,3-5,7") == {1, 3, 4, 5, 7}


def pod(index: int, phase: str, exit_code: int | None = None, message: str = "") -> Object:
    """A trial's pod, which may have ended."""
    state: Object = {"running": {}}
    if exit_code is not None:
        state = {"terminated": {"exitCode": exit_code, "message": message}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"fit-{index}",
            "namespace": "vision",
            "annotations": {"batch.kubernetes.io/job-completion-index": str(index)},
            "labels": {"batch.kubernetes.io/job-name": "fit"},
        },
        "spec": {"containers": [{"name": "worker"}]},
        "status": {
            "phase": phase,
            "containerStatuses": [{"name": "worker", "ready": True, "state": state}],
        },
    }


PODS = [
    pod(0, "Succeeded", 0, "accuracy=0.9\n"),
    pod(1, "Failed", 3, "Traceback\nValueError: no rows"),
    pod(2, "Running"),
]
STATUS = {"completedIndexes": "0", "failedIndexes": "1", "succeeded": 1, "failed": 1, "active": 1}


def test_a_trial_has_its_result_or_why_it_failed() -> None:
    sets = [{"LR": str(number)} for number in range(4)]
    found = trials_of({"status": STATUS}, PODS, sets)
    assert [one.phase for one in found] == [
        *(Phase.COMPLETE, Phase.FAILED, Phase.RUNNING, Phase.PENDING)
    ]
    assert found[0].result == "accuracy=0.9"
    assert found[1].result == "container worker ended with exit code 3: ValueError: no rows"
    # What was tried again after a failure is what counts.
    again = [pod(0, "Failed", 1), *PODS]
    assert trials_of({"status": STATUS}, again, sets)[0].result == "accuracy=0.9"
    # Who makes a pod with the job's labels makes no trial.
    foreign, odd = pod(0, "Running"), pod(0, "Running")
    del foreign["metadata"]["annotations"]
    odd["metadata"]["annotations"] = {"batch.kubernetes.io/job-completion-index": "first"}
    assert trials_of({"status": STATUS}, [*PODS, foreign, odd], sets) == found
    # Its pod may be gone.
    assert trials_of({"status": STATUS}, [], sets)[0].phase is Phase.COMPLETE


def test_a_sweep_is_made_and_listed(cluster: ApiStandIn, manor: Command, tmp_path: Path) -> None:
    cluster.kinds += MANORS
    space = {"apiVersion": "v1", "kind": "Namespace"}
    labels = {"manor.dev/tenant": "vision"}
    cluster.hold(
        spec_object(platform()),
        spec_object(tenant()),
        {**space, "metadata": {"name": "vision", "labels": labels}},
    )
    (tmp_path / "fit.py").write_text("print(1)\n")
    words = ["run", str(tmp_path / "fit.py"), "-n", "vision", "--name", "fit"]
    sweep = ["--sweep", "LR=0.1,0.01,1", "--at-once", "2"]
    shown = yaml.safe_load(manor(*words, *sweep, "--dry-run").out)
    assert shown["spec"]["sweep"]["atOnce"] == 2
    both = manor(*words, *sweep, "--workers", "2")
    assert (both.code, "spec.workers" in both.err) == (2, True), both.err
    early = manor("get", "trials", "fit", "-n", "vision")
    assert (early.code, "there is no job fit" in early.err) == (2, True)
    assert manor(*words, *sweep, "--detach").code == 0
    cluster.held("jobs", "fit")["status"] = dict(STATUS)
    cluster.hold(*PODS)
    lines = manor("get", "trials", "fit", "-n", "vision").out.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["TRIAL", "LR", "STATUS"],
        ["0", "0.1", "Succeeded"],
        ["1", "0.01", "Failed"],
        ["2", "1", "Running"],
    ]
    assert lines[1].endswith("accuracy=0.9")
    listed = manor("get", "jobs", "-n", "vision").out.splitlines()[1]
    assert listed.split(maxsplit=2)[1:] == ["Running", "1 of 3 trials succeeded, 1 failed"]
    (first, *_) = json.loads(manor("get", "trials", "fit", "-n", "vision", "-o", "json").out)[
        "items"
    ]
    assert first == {
        **{"trial": 0, "parameters": {"LR": "0.1"}},
        **{"phase": "Succeeded", "result": "accuracy=0.9"},
    }
    cluster.hold(spec_object(job()))
    plain = manor("get", "trials", "train", "-n", "vision")
    assert (plain.code, "no trials to list" in plain.err) == (2, True)
