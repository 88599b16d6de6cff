"""TrainingJobs with a schedule: when they run, what they become, what is told of them."""

import json
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import job, platform, tenant
from manor.api.schedule import CronSchedule, next_time
from manor.engines import checked, render_workload
from manor.engines.registry import ENGINES
from manor.render import spec_object
from served_kinds import MANORS

pytestmark = pytest.mark.unit

MOMENTS: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "schedules.json").read_text(encoding="utf-8")
)
"""By schedule, zone and moment: the next four that github.com/robfig/cron v3.0.1 has, by which the
controller of CronJobs goes; fewer where it has no more."""


@pytest.mark.parametrize("given", MOMENTS)
def test_the_next_run_is_when_the_controller_begins_it(given: str) -> None:
    schedule, zone, after = given.split("|")
    moment = datetime.fromisoformat(after)
    for expected in MOMENTS[given]:
        found = next_time(schedule, zone, moment)
        assert (f"{found:%Y-%m-%dT%H:%M:%SZ}" if found else "") == expected
        if found:
            moment = found


@pytest.mark.parametrize("end", range(60))
def test_a_range_ends_no_earlier_than_it_begins(end: int) -> None:
    checks = TypeAdapter(CronSchedule)
    for begin in range(60):
        for one, other in product(_written(begin), _written(end)):
            schedule = f"0,{one}-{other}/2 * * * *"
            if begin <= end:
                checks.validate_python(schedule)
            else:
                with pytest.raises(ValidationError, match="ends before it begins"):
                    checks.validate_python(schedule)


def _written(number: int) -> set[str]:
    return {str(number), f"{number:02}"}


def made(**spec: Any) -> dict[str, Any]:
    on = platform(tools=["kueue"], engines={"queue": "kueue"})
    objects = render_workload(on, tenant(gpu={"guarantee": 2}), job(**spec))
    return {one["kind"]: one for one in objects}


def test_a_run_is_the_job_that_would_be_made_at_once() -> None:
    spec = {"workers": 2, "resources": {"gpu": 1}, "timeoutSeconds": 60, "files": {"a.py": ""}}
    once, again = made(**spec)["Job"], made(**spec, schedule="@daily")
    assert "Job" not in again
    described = again["CronJob"]["spec"]
    runs = described.pop("jobTemplate")
    assert described == {
        "schedule": "@daily",
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    }
    # The labels by which policies, queues and usage know a run are those of a Job of its own.
    assert runs["metadata"]["labels"] == once["metadata"]["labels"]
    assert runs["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    assert "kueue.x-k8s.io/queue-name" not in again["CronJob"]["metadata"]["labels"]
    (container,) = runs["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one for one in container.pop("env")}
    (other,) = once["spec"]["template"]["spec"]["containers"]
    assert env.pop("MANOR_RUN")["valueFrom"]["fieldRef"]["fieldPath"] == (
        "metadata.labels['batch.kubernetes.io/job-name']"
    )
    assert env["MASTER_ADDR"]["value"] == "$(MANOR_RUN)-0.train-workers"
    assert env.keys() == {one["name"] for one in other.pop("env")}
    assert runs["spec"] == once["spec"]


def test_what_is_said_of_a_schedule_is_the_cronjobs() -> None:
    spec = made(
        schedule="0 3 * * 1",
        timeZone="Europe/Berlin",
        concurrencyPolicy="Allow",
        suspend=True,
        successfulJobsHistoryLimit=7,
        failedJobsHistoryLimit=2,
    )["CronJob"]["spec"]
    del spec["jobTemplate"]
    assert list(spec.values()) == ["0 3 * * 1", "Europe/Berlin", "Allow", True, 7, 2]


def test_a_run_must_fit_into_the_budget() -> None:
    team = tenant(quota={"cpu": "4", "memory": "8Gi"}, gpu={"guarantee": 1})
    large = job(schedule="@daily", workers=3, resources={"cpu": "2", "gpu": 1})
    _, objections = checked(platform(), {"vision": team}, [large])
    assert {one.path for one in objections} == {
        ("spec", "resources", "cpu"),
        ("spec", "resources", "gpu"),
    }


@pytest.mark.parametrize("engine", ["kubeflow", "ray"])
def test_an_engine_that_has_no_schedule_says_so(engine: str) -> None:
    found = list(ENGINES[engine].unsupported(job(schedule="@daily", resources={"memory": "2Gi"})))
    assert [one.path for one in found] == [("spec", "schedule")]


@pytest.fixture
def team(cluster: ApiStandIn) -> ApiStandIn:
    """A tenant whose job has a schedule, and is applied."""
    cluster.kinds += MANORS
    labels = {"manor.dev/tenant": "vision"}
    space = {"apiVersion": "v1", "kind": "Namespace"}
    cluster.hold(
        spec_object(platform()),
        spec_object(tenant()),
        {**space, "metadata": {"name": "vision", "labels": labels}},
    )
    return cluster


def nightly(team: ApiStandIn, manor: Command, tmp_path: Path, *words: str) -> None:
    (tmp_path / "fit.py").write_text("print(1)\n")
    where = ["-n", "vision", "--name", "fit", "--schedule", "0 3 * * *"]
    done = manor("run", str(tmp_path / "fit.py"), *where, *words)
    assert (done.code, done.out) == (0, "fit\n"), done.err
    assert "Scheduled: next at " in done.err
    team.held("cronjobs", "fit")["metadata"]["uid"] = "u-fit"


def run(team: ApiStandIn, minute: int, uid: str = "u-fit", **status: Any) -> str:
    """A Job of the schedule, with a pod that has said something."""
    cron = team.held("cronjobs", "fit")
    name = f"fit-{minute}"
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "fit", "uid": uid}
    template = cron["spec"]["jobTemplate"]
    meta = {"name": name, "namespace": "vision", **template["metadata"]}
    pod = template["spec"]["template"]
    ended = {"exitCode": 0 if status.get("succeeded") else 1}
    state = {"running": {}} if status.get("active") else {"terminated": ended}
    body = {"name": "worker", "state": state, "ready": True}
    labels = {**pod["metadata"]["labels"], "batch.kubernetes.io/job-name": name}
    index = {"batch.kubernetes.io/job-completion-index": "0"}
    team.controllers["Job"] = lambda _: status
    team.hold(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {**meta, "ownerReferences": [{**owner, "controller": True}]},
            "spec": template["spec"],
            "status": status,
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **{"name": f"{name}-0", "namespace": "vision"},
                **{"labels": labels, "annotations": index},
            },
            "spec": pod["spec"],
            "status": {
                "phase": "Running" if status.get("active") else "Failed",
                "containerStatuses": [body],
            },
        },
    )
    team.logs[f"/api/v1/namespaces/vision/pods/{name}-0/log"] = f"this is {name}\n"
    return name


FAILED: dict[str, Any] = {
    "failed": 1,
    "conditions": [{"type": "Failed", "status": "True", "message": "too often"}],
}
COMPLETE: dict[str, Any] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}


def listed(manor: Command) -> list[str]:
    return manor("get", "jobs", "-n", "vision").out.splitlines()[1].split(maxsplit=2)


def test_it_is_listed_with_its_next_run_and_how_the_last_one_ended(
    team: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    nightly(team, manor, tmp_path)
    assert team.names("jobs") == set()
    assert listed(manor)[:2] == ["fit", "Scheduled"]
    assert listed(manor)[2].endswith("T03:00:00Z")
    run(team, 100, **COMPLETE)
    assert listed(manor)[2].endswith("; fit-100 succeeded")
    run(team, 101, active=1, ready=1)
    assert listed(manor)[1] == "Running"
    run(team, 101, **FAILED)
    run(team, 999, uid="another's", **COMPLETE)
    assert listed(manor)[1] == "Scheduled"
    assert "; fit-101 failed: " in listed(manor)[2]
    told = manor("explain", "job", "fit", "-n", "vision")
    assert (told.code, "fit-101 failed" in told.out) == (1, True), told.out
    team.held("cronjobs", "fit")["spec"]["suspend"] = True
    assert listed(manor)[1] == "Stopped"
    assert listed(manor)[2].startswith("suspended; fit-101 failed")


def test_the_newest_run_is_read_and_stopped_and_the_schedule_stays(
    team: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    nightly(team, manor, tmp_path)
    none = manor("logs", "fit", "-n", "vision")
    assert (none.code, "no log yet: Scheduled: next at" in none.err) == (2, True)
    follows = manor("logs", "-f", "fit", "-n", "vision")
    assert (follows.code, "no run of fit is there: next at" in follows.err) == (2, True)
    rests = manor("cancel", "fit", "-n", "vision")
    assert (rests.code, "fit has no run that goes on" in rests.err) == (2, True)
    run(team, 100, **COMPLETE)
    run(team, 101, active=1, ready=1)
    assert manor("logs", "fit", "-n", "vision").out == "this is fit-101\n"
    assert manor("cancel", "fit", "-n", "vision").code == 0
    assert team.names("jobs") == {"fit-100"}
    assert team.names("cronjobs") == team.names("trainingjobs") == {"fit"}


def test_it_is_deleted_where_the_environment_says_it_is(
    team: ApiStandIn, manor: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly(team, manor, tmp_path)
    lost = manor("delete", "trainingjob", "fit", "--yes")
    assert (lost.code, "not found" in lost.err) == (2, True), lost.err
    monkeypatch.setenv("MANOR_NAMESPACE", "vision")
    done = manor("delete", "trainingjob", "fit", "--yes")
    assert done.code == 0, done.err
    assert team.names("cronjobs") | team.names("trainingjobs") == set()


def test_it_is_run_once_more_at_once(team: ApiStandIn, manor: Command, tmp_path: Path) -> None:
    nightly(team, manor, tmp_path, "--time-zone", "Europe/Berlin")
    done = manor("rerun", "fit", "-n", "vision", "--detach")
    assert (done.code, done.out) == (0, "fit-2\n"), done.err
    assert team.names("jobs") == {"fit-2"}
    assert team.held("trainingjobs", "fit-2")["spec"].keys() == {"command", "files", "retries"}


def test_a_schedule_that_cannot_be_is_told_by_its_field(
    team: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    (tmp_path / "fit.py").write_text("print(1)\n")
    words = ["run", str(tmp_path / "fit.py"), "-n", "vision"]
    for more, field in (
        (["--schedule", "every day"], "spec.schedule: write minute, hour"),
        (["--schedule", "9-5 * * * *"], "ranges ends before it begins"),
        (["--time-zone", "Europe/Berlin"], "spec.timeZone"),
        (["--schedule", "@daily", "--time-zone", "Europe/Nowhere"], "no time zone Europe/Nowhere"),
    ):
        done = manor(*words, *more)
        assert (done.code, field in done.err) == (2, True), done.err
    assert team.written == []
    shown = manor(*words, "--schedule", "@daily", "--dry-run")
    assert yaml.safe_load(shown.out)["spec"]["schedule"] == "@daily"


def test_a_day_is_found_wherever_the_year_begins() -> None:
    after = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert next_time("* * * * *", "Etc/UTC", after) == datetime(2027, 1, 1, tzinfo=UTC)
