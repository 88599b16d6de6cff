"""`explain`, `describe` and what is listed as it changes: what a person is told, and exit codes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import job, model, platform, tenant
from manor.api import TrainingJob
from manor.api.wellknown import MANAGED, TENANT_LABEL
from manor.cli.get.workloads import listing
from manor.cli.listing import Listing, Source, show
from manor.cli.output import ListFormat
from manor.kube import Object
from manor.limits import Cli, override
from manor.render import spec_object
from served_kinds import MANORS, Kind
from waiting import until

pytestmark = pytest.mark.unit

IN = {"namespace": "vision"}
REFUSAL = (
    'pods "x" is forbidden: exceeded quota: manor-quota, requested: requests.cpu=4, '
    "used: requests.cpu=6, limited: requests.cpu=8"
)


def quota(cpu: str = "6") -> Object:
    meta = {"name": "manor-quota", "namespace": "vision", "labels": dict(MANAGED)}
    hard, used = {"requests.cpu": "8", "pods": "100"}, {"requests.cpu": cpu, "pods": "3"}
    body = {"spec": {"hard": hard}, "status": {"hard": hard, "used": used}}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, **body}


def pod(name: str = "p", cpu: str = "1", **spec: Any) -> Object:
    amounts = {"requests": {"cpu": cpu, "memory": "64Mi"}}
    body = {"containers": [{"name": "c", "image": "r/i", "resources": amounts}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **IN}, "spec": body}


def node(name: str = "n1", cpu: str = "4", **spec: Any) -> Object:
    status = {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}}
    meta = {"name": name, "labels": {"disk": "ssd"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec, "status": status}


@pytest.fixture
def team(cluster: ApiStandIn) -> ApiStandIn:
    """A tenant with a job that the quota has no room for, and a model of which nothing was made."""
    cluster.kinds += MANORS
    labels = {TENANT_LABEL: "vision"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}}
    space["metadata"]["labels"] = labels  # type: ignore[index]
    made = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train", **IN}}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", **IN},
        "involvedObject": {"kind": "Job", "name": "train"},
        "type": "Warning",
        "reason": "FailedCreate",
        "message": REFUSAL,
    }
    cluster.hold(
        spec_object(platform()),
        spec_object(tenant()),
        spec_object(job()),
        spec_object(model()),
        space,
        quota(),
        {**made, "spec": {"parallelism": 1}, "status": {}},
        event,
    )
    return cluster


WORDS = "no room in quota manor-quota: requests.cpu: 4 asked for, 6 of 8 used"


def test_a_job_is_explained_in_words_and_for_programs(team: ApiStandIn, manor: Command) -> None:
    told = manor("explain", "job", "train", "-n", "vision")
    assert told.code == 1
    head, why, do = told.out.splitlines()
    assert head == "TrainingJob vision/train: Pending, QuotaExceeded"
    assert why.split(maxsplit=1) == ["why:", WORDS]
    assert do.split(maxsplit=1)[0] == "do:"
    whole = json.loads(manor("explain", "job", "train", "-n", "vision", "-o", "json").out)
    assert (whole["reason"], whole["runs"]) == ("QuotaExceeded", False)
    as_yaml = manor("explain", "job", "train", "-n", "vision", "-o", "yaml").out
    assert yaml.safe_load(as_yaml) == whole
    stored = manor("explain", "model", "digits", "-n", "vision")
    assert (stored.code, "NotApplied" in stored.out) == (1, True)
    assert team.written == []


def test_a_job_of_kubernetes_own_and_a_pod_are_explained(team: ApiStandIn, manor: Command) -> None:
    team.remove("/apis/manor.dev/v1alpha1/namespaces/vision/trainingjobs/train")
    assert manor("explain", "job", "train", "-n", "vision").out.startswith("Job vision/train: ")
    team.hold({**pod(), "status": {"phase": "Running"}})
    well = manor("explain", "pod", "p", "-n", "vision")
    assert (well.code, well.out) == (0, "Pod vision/p: Running\n")
    missing = manor("explain", "job", "none", "-n", "vision")
    assert missing.code == 2
    assert manor("explain", "pod").code == 2


def test_what_the_caller_may_not_see_is_said(team: ApiStandIn, manor: Command) -> None:
    team.refused["GET .*/pods"] = (403, "you may not list pods")
    told = manor("explain", "job", "train", "-n", "vision")
    assert "not seen: you may not list pods" in told.out
    assert told.code == 0


def test_a_pod_is_tried_before_it_is_made(team: ApiStandIn, manor: Command, tmp_path: Path) -> None:
    file = tmp_path / "pod.yaml"

    def like(obj: Object) -> Any:
        file.write_text(yaml.safe_dump(obj))
        told = manor("explain", "-f", str(file), "-n", "vision", "-o", "json")
        found = json.loads(told.out)
        assert told.code == (0 if found["runs"] else 1)
        return found

    team.hold(node(), node("n2", unschedulable=True))
    fits = like(pod())
    assert (fits["reason"], fits["message"]) == ("Progressing", "node n1 has room")
    assert like(pod(cpu="3"))["reason"] == "QuotaExceeded"
    jobs = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"parallelism": 3, "template": {"spec": pod()["spec"]}},
    }
    assert "requests.cpu: 3 asked for, 6 of 8 used" in like(jobs)["message"]
    team.hold({**pod("other", cpu="3500m"), "status": {"phase": "Running"}})
    team.held("pods", "other")["spec"]["nodeName"] = "n1"
    tight = like(pod())
    assert tight["message"] == (
        "no node takes it: of 2 nodes: 1 with too little cpu, 1 closed to new pods"
    )
    team.refused["GET /api/v1/pods"] = (403, "no")
    assert like(pod())["message"] == "node n1 would have room if nothing else ran on it"
    assert "other labels" in like(pod(nodeSelector={"disk": "tape"}))["message"]
    team.refused["GET /api/v1/nodes"] = (403, "you may not list nodes")
    assert like(pod())["unseen"] == "you may not list nodes"
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    assert like(pod(volumes=[claim]))["reason"] == "VolumeUnavailable"
    denied = "ValidatingAdmissionPolicy 'manor-images' with binding 'b' denied request: no"
    team.refused["POST .*/pods"] = (422, denied)
    assert like(pod())["message"] == "refused by manor-images: no"
    team.refused["POST .*/pods"] = (403, 'User "eve" cannot create pods')
    assert like(pod())["advice"] == "have somebody with the right to it make it"
    assert team.written == []
    file.write_text(yaml.safe_dump(quota()))
    told = manor("explain", "-f", str(file))
    assert (told.code, "no pod comes of it" in told.err) == (2, True)


def queue(waiting: int) -> Object:
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "LocalQueue",
        "metadata": {"name": "default", **IN},
        "spec": {"clusterQueue": "vision"},
        "status": {
            "pendingWorkloads": waiting,
            "admittedWorkloads": 1,
            "conditions": [{"type": "Active", "status": "True"}],
            "flavorsUsage": [
                {"name": "a100", "resources": [{"name": "nvidia.com/gpu", "total": "2"}]}
            ],
        },
    }


@pytest.mark.parametrize(
    "text",
    ["hello", "kind: Pod\nmetadata: [x]", "kind: Pod\nmetadata: {name: 3, namespace: 4}\nspec: []"]
    + [f"kind: Deployment\nspec: {{template: {spec}}}" for spec in ("3", "{spec: 3}", "[a]")]
    + ["kind: Job\nspec: {parallelism: x, template: {spec: {containers: []}}}"],
)
def test_what_is_no_object_is_told(manor: Command, team: ApiStandIn, text: str) -> None:
    told = manor("explain", "-f", "-", "-n", "vision", given=text)
    assert told.code == 2
    assert told.err.startswith("error: ")
    assert team.written == []


def test_queues_are_listed_and_foreseen(team: ApiStandIn, manor: Command, tmp_path: Path) -> None:
    none = manor("get", "queues", "-n", "vision")
    assert (none.code, "Kueue is not installed" in none.err) == (2, True)
    team.kinds.append(Kind("kueue.x-k8s.io", "v1beta2", "LocalQueue", "localqueues", True))
    team.hold(queue(2), node())
    line = manor("get", "queues", "-n", "vision").out.splitlines()[1]
    assert line.split() == ["default", "2", "1", "True", "nvidia.com/gpu=2", "(a100)"]
    asks = pod()
    asks["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "default"}
    file = tmp_path / "pod.yaml"
    file.write_text(yaml.safe_dump(asks))
    assert "2 wait in queue default" in manor("explain", "-f", str(file)).out
    asks["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "none"}
    file.write_text(yaml.safe_dump(asks))
    told = manor("explain", "-f", str(file)).out
    assert "there is no queue none; there are: default" in told


def test_a_tenant_is_described_with_what_is_wrong(team: ApiStandIn, manor: Command) -> None:
    ready = {"type": "Ready", "status": "False", "reason": "NotApplied", "message": "a conflict"}
    live = team.held("tenants", "vision")
    live["status"] = {"observedGeneration": 1, "conditions": [ready]}
    told = manor("describe", "tenant", "vision").out
    lines = [line.strip() for line in told.splitlines()]
    assert lines[0] == "Tenant vision"
    assert "owners:     ada" in lines
    assert "requests.cpu   6      8" in lines
    assert f"TrainingJob   train    Pending      is not complete (no pods yet); {WORDS}" in lines
    wrong = lines[lines.index("What is wrong") + 1 :]
    assert wrong[0] == "NotApplied: a conflict"
    assert wrong[1].startswith(f"TrainingJob vision/train: {WORDS}; free something")
    assert wrong[2] == "Model vision/digits: it is stored, and nothing was made of it"
    whole = json.loads(manor("describe", "tenant", "vision", "-o", "json").out)
    assert whole["people"]["owner"] == ["ada"]
    assert whole["namespaces"][0]["quota"]["pods"] == {"used": "3", "hard": "100"}
    assert [one["reason"] for one in whole["conditions"]] == ["NotApplied"]
    assert manor("describe", "tenant", "none").code == 2
    team.refused["GET .*/resourcequotas"] = (403, "you may not list quotas")
    assert "not seen: you may not list quotas" in manor("describe", "tenant", "vision").out
    assert team.written == []


def test_namespaces_are_listed_with_their_quota(team: ApiStandIn, manor: Command) -> None:
    lines = manor("get", "namespaces", "-o", "wide").out.splitlines()
    header = "NAME TENANT STATUS CPU MEMORY STORAGE PODS GPU AGE"
    assert lines[0].split() == header.split()
    assert lines[1].split()[:7] == ["vision", "vision", "Active", "6/8", "-", "-", "3/100"]
    assert manor("get", "namespaces", "none").code == 2
    rule = {
        "verbs": ["get"],
        "apiGroups": ["manor.dev"],
        "resources": ["tenants"],
        "resourceNames": ["vision"],
    }
    team.reviews["selfsubjectrulesreviews"] = {"resourceRules": [rule]}
    for path in ("api/v1/namespaces", "apis/manor.dev/v1alpha1/tenants"):
        team.refused[f"GET /{path}"] = (403, "no")
    own = manor("get", "namespaces").out.splitlines()
    assert own[1].split()[:4] == ["vision", "vision", "Active", "6/8"]


@pytest.mark.parametrize("watched", [True, False])
async def test_what_changes_is_printed_and_nothing_twice(
    team: ApiStandIn, capsys: pytest.CaptureFixture[str], *, watched: bool
) -> None:
    """Whoever may not watch sees it too, by looking again."""
    if not watched:
        team.refused["WATCH .*"] = (403, "you may not watch")
    client, looks = team.client(), 0

    async def look() -> Listing:
        nonlocal looks
        looks += 1
        return await listing(client, TrainingJob, [], "vision")

    with override(cli=Cli(watch_pause=0.01, watch_poll=0.01)):
        sources = [Source("batch/v1", "Job", "vision")]
        task = asyncio.create_task(show(client, look, ListFormat.table, "nothing", sources))
        await until("it looked again", _said(lambda: looks > 1))
        before = capsys.readouterr().out
        job_now = team.held("jobs", "train")
        job_now["status"] = {"active": 1, "ready": 1}
        said: list[str] = []
        await until(
            "the change is told",
            _said(lambda: "Running" in _heard(said, capsys.readouterr().out)),
        )
        looked = looks
        if not watched:
            await until("it looked again", _said(lambda: looks > looked + 1))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert [line.split()[0] for line in before.splitlines()] == ["NAME", "train"]
    after = "".join([*said, capsys.readouterr().out]).splitlines()
    assert [line.split()[:2] for line in after] == [["train", "Running"]]


def _said(question: Callable[[], Any]) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return bool(question())

    return answer


def _heard(said: list[str], more: str) -> str:
    """All that was printed so far."""
    said.append(more)
    return "".join(said)
