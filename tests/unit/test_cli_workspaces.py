"""What the command line says of workspaces, whole, on an API server in memory."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import notes, platform, tenant
from manor.cli import completion
from manor.engines import render_workload
from manor.render import spec_object
from served_kinds import MANORS

pytestmark = pytest.mark.unit

WHERE = ["-n", "vision"]
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}


@pytest.fixture
def team(cluster: ApiStandIn) -> ApiStandIn:
    """A tenant with a namespace, on a platform with an image of workspaces."""
    cluster.kinds += MANORS
    labels = {"manor.dev/tenant": "vision"}
    space = {"apiVersion": "v1", "kind": "Namespace"}
    cluster.hold(
        spec_object(PLATFORM),
        spec_object(tenant()),
        {**space, "metadata": {"name": "vision", "labels": labels}},
    )
    return cluster


PLATFORM = platform(images={"workspace": "r/workspace:1"})


def started(team: ApiStandIn, **status: Any) -> None:
    """A workspace whose Job stands so, with a pod that said why it ended."""
    objects = {obj["kind"]: obj for obj in render_workload(PLATFORM, tenant(), notes())}
    state = {"terminated": {"exitCode": 0, "message": "nothing has happened\nin it"}}
    meta = {"name": "notes-x", "namespace": "vision"}
    labels = {"batch.kubernetes.io/job-name": "notes"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "labels": labels}, "spec": {}}
    told = {"phase": "Succeeded", "containerStatuses": [{"name": "ide", "state": state}]}
    team.hold(spec_object(notes()), {**objects["Job"], "status": status}, {**pod, "status": told})


def test_how_they_stand_is_listed_and_what_to_do(team: ApiStandIn, manor: Command) -> None:
    team.hold(spec_object(notes()))
    assert "NotApplied" in manor("get", "workspaces", *WHERE).out
    started(team, **COMPLETE)
    done = manor("get", "workspaces", *WHERE, "-o", "wide")
    assert done.code == 0, done.err
    for words in ("Stopped", "nothing has happened in it", "`manor open` starts it again"):
        assert words in done.out
    (listed,) = json.loads(manor("get", "workspaces", *WHERE, "-o", "json").out)["items"]
    assert listed["status"] == {"phase": "Stopped", "message": "nothing has happened in it"}


@pytest.mark.parametrize(
    ("status", "phase", "code"),
    [
        (COMPLETE, "Stopped", 0),
        ({"ready": 1, "active": 1}, "Ready", 0),
        (
            {"conditions": [{"type": "Failed", "status": "True", "message": "ten times"}]},
            "Failed",
            1,
        ),
    ],
)
def test_it_is_explained(
    team: ApiStandIn, manor: Command, status: Any, phase: str, code: int
) -> None:
    started(team, **status)
    told = manor("explain", "workspace", "notes", *WHERE)
    assert told.code == code, told.err
    assert told.out.startswith(f"Workspace vision/notes: {phase}")


def test_one_that_is_told_to_stop_is_stopped(team: ApiStandIn, manor: Command) -> None:
    team.hold(spec_object(notes(stopped=True)))
    told = manor("explain", "workspace", "notes", *WHERE)
    assert (told.code, "it was told to stop" in told.out) == (0, True)


def test_what_is_not_there_is_said(team: ApiStandIn, manor: Command) -> None:
    for words in (["stop", "notes"], ["open", "workspace/notes"]):
        done = manor(*words, *WHERE)
        assert done.code == 2
        assert (
            "no workspace notes in namespace vision; `manor get workspaces -n vision`" in done.err
        )


def test_a_job_cannot_be_stopped_nor_a_workspace_cancelled(
    team: ApiStandIn, manor: Command
) -> None:
    team.hold(spec_object(notes()))
    done = manor("cancel", "notes", *WHERE)
    assert (done.code, "there is no job notes" in done.err) == (2, True)


def test_names_are_completed(team: ApiStandIn, manor: Command, monkeypatch: Any) -> None:
    team.hold(spec_object(notes()))

    asked: Any = SimpleNamespace(params={"namespace": "vision"})
    assert completion.complete_workspaces(asked, "no") == ["notes"]
    assert completion.complete_targets(asked, "") == ["notes"]
