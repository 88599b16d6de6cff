"""`get`, `predict` and the completion of names: what a user is told of what is on the cluster."""

import json

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import job, model, platform, tenant
from manor.api.status import (
    Phase,
    QuotaStatus,
    Reason,
    TenantStatus,
    TrainingJobStatus,
    reached,
)
from manor.cli import completion
from manor.kube import Object
from manor.render import spec_object
from operator_lease import lease
from served_kinds import MANORS

pytestmark = pytest.mark.unit

QUOTA = {
    "requests.cpu": "8",
    "requests.memory": "16Gi",
    "pods": "100",
    "requests.nvidia.com/gpu": "2",
}
USED = {
    "requests.cpu": "1500m",
    "requests.memory": "1Gi",
    "pods": "3",
    "requests.nvidia.com/gpu": "1",
}


def namespace(name: str) -> Object:
    labels = {"manor.dev/tenant": "vision"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.fixture
def team(cluster: ApiStandIn) -> ApiStandIn:
    """A tenant with a namespace that an owner made, a job and a model, one of which was applied."""
    cluster.kinds += MANORS
    meta = {
        "name": "manor-quota",
        "namespace": "vision",
        "labels": {"app.kubernetes.io/managed-by": "manor"},
    }
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": QUOTA}}
    cluster.hold(
        spec_object(platform()),
        spec_object(tenant(gpu={"guarantee": 2})),
        spec_object(job()),
        spec_object(model()),
        namespace("vision"),
        namespace("vision-1"),
        {**quota, "status": {"used": USED}},
    )
    return cluster


def test_tenants_are_listed_with_what_they_use(team: ApiStandIn, manor: Command) -> None:
    header, line = manor("get", "tenants").out.splitlines()
    assert header.split() == [
        "NAME",
        "STATUS",
        "NAMESPACES",
        "OWNERS",
        "CPU",
        "MEMORY",
        "STORAGE",
        "PODS",
        "GPU",
        "URL",
    ]
    assert line.split() == [
        "vision",
        "Applied",
        "vision,vision-1",
        "ada",
        "1500m/8",
        "1Gi/16Gi",
        "-",
        "3/100",
        "1/2",
        "http://vision.ml.example.com",
    ]
    (whole,) = yaml.safe_load_all(manor("get", "tenants", "vision", "-o", "yaml").out)
    assert whole["status"]["quota"]["used"]["requests.cpu"] == "1500m"
    assert json.loads(manor("get", "tenants", "-o", "json").out)["items"] == [whole]
    missing = manor("get", "tenants", "nobody")
    assert missing.code == 2
    assert "there is no tenant nobody; you may see: vision" in missing.err
    assert team.written == []


def test_a_tenant_of_which_nothing_was_made_is_not_applied(
    team: ApiStandIn, manor: Command
) -> None:
    team.hold(spec_object(tenant()) | {"metadata": {"name": "idle"}})
    _, *lines = manor("get", "tenants").out.splitlines()
    words = {line.split()[0]: line.split()[1] for line in lines}
    assert words == {"vision": "Applied", "idle": "NotApplied"}
    (idle,) = (line for line in lines if line.startswith("idle"))
    assert idle.endswith("stored, and nothing was made of it: `manor apply` makes it so")


def test_what_an_operator_says_is_shown_while_it_is_of_the_object_as_it_is(
    team: ApiStandIn, manor: Command
) -> None:
    stalled = reached("stalled", Reason.INVALID, "two claim a host", 1)
    said = TenantStatus(observed_generation=1, conditions=stalled).written()
    team.hold({**spec_object(tenant()), "status": said})
    line = manor("get", "tenants").out.splitlines()[1]
    assert line.split()[:2] == ["vision", "Invalid"]
    assert line.endswith("two claim a host")
    (shown,) = json.loads(manor("get", "tenants", "-o", "json").out)["items"]
    assert shown["status"]["conditions"] == said["conditions"]
    assert shown["status"]["quota"]["used"]["requests.cpu"] == "1500m"
    waits = TrainingJobStatus(observed_generation=1, phase=Phase.QUEUED, message="is third")
    team.hold({**spec_object(job()), "status": waits.written()})
    team.refused["GET /apis/batch/.*"] = (500, "nobody looks where it is told")
    told = manor("get", "trainingjobs", "-n", "vision").out.splitlines()[1]
    assert told.split(maxsplit=2) == ["train", "Queued", "is third"]
    del team.refused["GET /apis/batch/.*"]
    team.hold({**spec_object(job()), "status": {**waits.written(), "observedGeneration": 0}})
    seen = manor("get", "trainingjobs", "-n", "vision").out.splitlines()[1]
    assert seen.split()[:2] == ["train", "NotApplied"]


def test_what_is_used_is_what_an_operator_that_works_says(team: ApiStandIn, manor: Command) -> None:
    told = tenant(gpu={"guarantee": 2})
    amounts = QuotaStatus(used={**USED, "requests.cpu": "2"}, hard=QUOTA)
    said = TenantStatus(observed_generation=1, quota=amounts).written()
    team.hold({**spec_object(told), "status": said}, lease(age=60))
    assert "1500m/8" in manor("get", "tenants").out
    team.hold(lease())
    team.refused["GET /api/v1/resourcequotas"] = (500, "they are most of what there is to read")
    assert manor("get", "tenants").out.splitlines()[1].split()[4:9] == [
        *("2/8", "1Gi/16Gi", "-", "3/100", "1/2")
    ]
    del team.refused["GET /api/v1/resourcequotas"]
    team.hold(spec_object(told))  # of this one it says nothing yet
    assert "1500m/8" in manor("get", "tenants").out


def test_a_broken_object_is_named_and_stops_no_other(team: ApiStandIn, manor: Command) -> None:
    broken = spec_object(tenant())
    team.hold({**broken, "metadata": {"name": "old"}, "spec": {}})
    listed = manor("get", "tenants")
    assert listed.code == 0
    assert listed.err.startswith("warning: Tenant old on the cluster is set aside: spec.owners: ")
    assert "vision" in listed.out


def test_a_member_who_may_list_nothing_sees_the_own_tenant(
    team: ApiStandIn, manor: Command
) -> None:
    for listed in ("apis/manor.dev/v1alpha1/tenants", "api/v1/namespaces", "api/v1/resourcequotas"):
        team.refused[f"GET /{listed}"] = (403, 'User "eve" cannot list')
    rule = {
        "verbs": ["get"],
        "apiGroups": ["manor.dev"],
        "resources": ["tenants"],
        "resourceNames": ["vision"],
    }
    team.reviews["selfsubjectrulesreviews"] = {"resourceRules": [rule]}
    line = manor("get", "tenants").out.splitlines()[1]
    assert line.split()[:5] == ["vision", "Applied", "vision", "ada", "1500m/8"]


def test_workloads_are_listed_with_why_they_are_no_further(
    team: ApiStandIn, manor: Command
) -> None:
    jobs = manor("get", "trainingjobs", "-n", "vision")
    stored = "stored, and nothing runs: `manor apply` makes it so"
    assert jobs.out.splitlines()[1].split(maxsplit=2)[::2] == ["train", stored]
    conditions = [
        {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "no image"}
    ]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "digits", "namespace": "vision"},
    }
    team.hold(
        {**deployment, "spec": {}, "status": {"observedGeneration": 1, "conditions": conditions}}
    )
    shown = json.loads(manor("get", "models", "digits", "-n", "vision", "-o", "json").out)
    assert shown["status"]["message"] == "no image"
    missing = manor("get", "models", "none", "-n", "vision")
    assert missing.code == 2
    assert "no Model none in namespace vision" in missing.err


@pytest.mark.parametrize(
    "words",
    [("jobs",), ("job",), ("TrainingJob",), ("trainingjobs.manor.dev",), ("job", "train")],
)
def test_a_kind_is_found_by_any_of_its_names(
    team: ApiStandIn, manor: Command, words: tuple[str, ...]
) -> None:
    listed = manor("-n", "vision", "get", *words)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["NAME", "train"]
    slashed = manor("get", "job/train", "-n", "vision", "-o", "json")
    assert json.loads(slashed.out)["metadata"]["name"] == "train"
    for command in ("get", "describe", "explain"):
        unknown = manor(command, "pizza", "train", "-n", "vision")
        assert unknown.code == 2
        assert "no kind 'pizza'; there are: " in unknown.err
    assert manor("explain", "trainingjobs/train", "-n", "vision").out.startswith("TrainingJob")
    assert manor("describe", "tenants", "vision").out.startswith("Tenant vision")
    none = manor("delete", "pizza", "train")
    assert "no kind 'pizza'; there are: platform, tool, tenant, job" in none.err


def test_nothing_is_said_where_there_is_nothing_and_a_lost_namespace_is_named(
    team: ApiStandIn, manor: Command
) -> None:
    for kind in ("jobs", "models", "workspaces"):
        empty = manor("get", kind, "-n", "vision-1")
        assert (empty.code, empty.out, empty.err) == (0, "", f"no {kind} in namespace vision-1\n")
        assert json.loads(manor("get", kind, "-n", "vision-1", "-o", "json").out)["items"] == []
        lost = manor("get", kind, "-n", "nowhere")
        assert (lost.code, lost.out) == (2, "")
        assert "there is no namespace nowhere" in lost.err
    for words in (("logs", "train"), ("explain", "job", "train"), ("predict", "digits", "[[1]]")):
        lost = manor(*words, "-n", "nowhere")
        assert (lost.code, "there is no namespace nowhere" in lost.err) == (2, True)


def test_who_may_not_look_into_a_namespace_is_told_of_the_own_ones(
    team: ApiStandIn, manor: Command
) -> None:
    everywhere = manor("get", "jobs", "-A").out.splitlines()
    assert [line.split()[:2] for line in everywhere] == [["NAMESPACE", "NAME"], ["vision", "train"]]
    closed = ("tenants", "trainingjobs", "namespaces/other/trainingjobs")
    for path in ("api/v1/namespaces", *(f"apis/manor.dev/v1alpha1/{one}" for one in closed)):
        team.refused[f"GET /{path}"] = (403, 'User "eve" cannot list')
    team.reviews["selfsubjectrulesreviews"] = {
        "resourceRules": [
            {
                "verbs": ["get"],
                "apiGroups": ["manor.dev"],
                "resources": ["tenants"],
                "resourceNames": ["vision"],
            }
        ]
    }
    refused = manor("get", "jobs", "-n", "other")
    assert (refused.code, refused.out) == (2, "")
    assert "other, or you may not look into it; name one of yours with -n: vision" in refused.err
    assert manor("get", "jobs", "-A").out.splitlines() == everywhere


GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "manor-front", "namespace": "manor-front"},
}


def test_the_workloads_of_a_namespace_are_listed_without_a_look_at_any_team(
    team: ApiStandIn, manor: Command
) -> None:
    team.refused["GET /apis/manor.dev/v1alpha1/(tenants|tools)"] = (500, "asked for every one")
    team.refused["GET /api/v1/namespaces"] = (500, "asked for every one")
    for kind in ("jobs", "models", "workspaces"):
        found = manor("get", kind, "-n", "vision")
        assert found.code == 0, found.err
    assert manor("get", "tenants").code == 2  # that is how it is told


def test_a_prediction_is_printed_and_an_error_in_the_models_words(
    team: ApiStandIn, models: int, manor: Command
) -> None:
    team.hold(spec_object(platform(gateway={"externalPort": models})))
    team.hold({**GATEWAY, "status": {"addresses": [{"value": "127.0.0.1"}]}})
    team.hold(
        spec_object(
            model().model_copy(
                update={"metadata": model().metadata.model_copy(update={"name": "bad"})}
            )
        )
    )
    asked = manor("predict", "digits", "-", "-n", "vision", given="[[1, 2]]")
    assert asked.code == 0, asked.err
    assert json.loads(asked.out) == {"outputs": [{"name": "y", "data": [4]}]}
    url = f"http://vision.ml.example.com:{models}/v2/models/digits/infer"
    assert asked.err == f"POST {url}\n"
    line = manor("predict", "digits", "[[1, 2]]", "-n", "vision", "--curl").out
    assert line.startswith(f"curl --connect-to vision.ml.example.com:{models}:127.0.0.1:")
    failed = manor("predict", "bad", "[[1, 2]]", "-n", "vision")
    assert failed.code == 2
    assert failed.err.splitlines()[-1].endswith(
        "answered 500 Internal Server Error: ValueError: no such row"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("digits", "[[1], [2, 3]]"), "the input must be rows of numbers of one length"),
        (("digits", "[["), "the input: not JSON"),
        (("digits", "[[1]]", "--path", "v1"), "--path is for format custom; digits is sklearn"),
        (("digits", "@nowhere.json"), "nowhere.json: no such file or directory"),
        (
            ("digits", "[[1]]"),
            "Gateway manor-front/manor-front has no address yet; try again in a moment",
        ),
        (("none", "[[1]]"), "there is no Model none in namespace vision"),
    ],
)
def test_a_request_that_cannot_be_made_is_an_error_line(
    team: ApiStandIn, manor: Command, words: tuple[str, ...], told: str
) -> None:
    team.hold({**GATEWAY, "status": {}})
    refused = manor("predict", *words, "-n", "vision")
    assert refused.code == 2
    assert told in refused.err
    assert refused.out == ""


def test_names_are_completed_from_the_cluster_and_errors_are_silent(
    team: ApiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert completion.complete_tenants("v") == ["vision"]
    assert completion.complete_tenants("x") == []
    assert completion.complete_namespaces("vision-") == ["vision-1"]
    team.refused["GET .*"] = (403, "forbidden")
    assert completion.complete_tenants("v") == []
    assert completion.complete_checks("mnr-rbac-00")[:2] == ["MNR-RBAC-001", "MNR-RBAC-002"]
    assert completion.complete_planes("ro") == ["routes"]
