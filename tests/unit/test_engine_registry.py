"""Engines behind one protocol: the Platform chooses, and what it names and is not there is refused
by its field."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine_specs import job, model, platform, tenant
from manor.api import Model, Platform, Tenant, TrainingJob, Workload
from manor.api.pack_zero import RULES
from manor.api.platform import Engines
from manor.api.wellknown import KEEPER
from manor.engines import (
    Phase,
    Unsupported,
    checked,
    controlling,
    engine_for,
    made_kinds,
    model_url,
    render_workload,
    requirements,
)
from manor.engines.native import Native
from manor.engines.protocol import GroupKind
from manor.engines.registry import ENGINES, KINDS
from manor.render import render_platform
from manor.tools import Toolset
from manor.tools.packs import shipped

pytestmark = pytest.mark.unit


class Stub(Native):
    """An engine for TrainingJobs alone, of a system that must be installed, which knows no
    time-out."""

    name = "stub"
    requires = frozenset({("stub.example.com", "StubJob")})
    made_kinds = {"TrainingJob": frozenset({("stub.example.com", "StubJob")})}

    def unsupported(self, workload: Workload) -> Iterator[Unsupported]:
        if isinstance(workload, TrainingJob) and workload.spec.timeout_seconds:
            yield Unsupported(("spec", "timeoutSeconds"), "it knows no time-out")

    def render(
        self, platform: Platform, tenant: Tenant, workload: Workload
    ) -> list[dict[str, Any]]:
        meta = {"name": workload.metadata.name, "namespace": workload.metadata.namespace}
        return [{"apiVersion": "stub.example.com/v1", "kind": "StubJob", "metadata": meta}]


@pytest.fixture
def _stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "stub", Stub())


def choosing(**engines: str) -> Platform:
    """A Platform past its own check, as a newer CRD would let it through."""
    whole, named = platform(), Engines.model_construct(**engines)  # type: ignore[arg-type]
    spec = whole.spec.model_copy(update={"engines": named})
    return whole.model_copy(update={"spec": spec})


@pytest.mark.usefixtures("_stub")
def test_the_platform_chooses_the_engine_of_each_kind() -> None:
    on = choosing(training_job="stub")
    assert [obj["kind"] for obj in render_workload(on, tenant(), job())] == ["StubJob"]
    assert "Deployment" in {obj["kind"] for obj in render_workload(on, tenant(), model())}
    assert [obj["kind"] for obj in render_workload(platform(), tenant(), job())] == ["Job"]
    assert engine_for("TrainingJob", on.spec.engines).name == "stub"


@pytest.mark.usefixtures("_stub")
def test_what_an_engine_cannot_do_is_told_by_its_field() -> None:
    on = choosing(training_job="stub")
    made, objections = checked(on, {"vision": tenant()}, [job(timeoutSeconds=60)])
    assert made == []
    assert [(o.path, o.message) for o in objections] == [
        (("spec", "timeoutSeconds"), "it knows no time-out")
    ]


@pytest.mark.parametrize(
    ("engines", "field", "message"),
    [
        (
            {"training_job": "slurm"},
            "trainingJob",
            "there is no engine 'slurm' for TrainingJobs; one of: native, kubeflow, ray, stub",
        ),
        (
            {"model": "stub"},
            "model",
            "there is no engine 'stub' for Models; one of: native, kserve, seldon",
        ),
        ({"queue": "volcano"}, "queue", "there is no queue system 'volcano'; one of: none, kueue"),
    ],
)
@pytest.mark.usefixtures("_stub")
def test_an_unknown_engine_is_refused_by_the_platforms_field(
    engines: Any, field: str, message: str
) -> None:
    on, team = choosing(**engines), tenant()
    _, objections = checked(on, {"vision": team}, [on])
    assert [(o.path, o.message) for o in objections] == [(("spec", "engines", field), message)]
    workload = model() if "model" in engines else job(resources={"gpu": 1})
    _, told = checked(on, {"vision": team}, [workload])
    assert [(o.path, o.message) for o in told] == [
        (("kind",), f"the Platform's spec.engines.{field} cannot be used: {message}")
    ]
    with pytest.raises(Unsupported, match="there is no"):
        render_workload(on, team, workload)


@pytest.mark.usefixtures("_stub")
def test_what_must_be_installed_is_named_with_the_field() -> None:
    assert {wanted.kinds for wanted in requirements(platform())} == {frozenset()}
    wanted = {
        entry.field: (entry.name, entry.kinds)
        for entry in requirements(choosing(training_job="stub"))
    }
    assert wanted["spec.engines.trainingJob"] == (
        "stub",
        frozenset({("stub.example.com", "StubJob")}),
    )
    queue = {
        entry.field: entry.kinds for entry in requirements(platform(engines={"queue": "kueue"}))
    }
    assert queue["spec.engines.queue"] == {("kueue.x-k8s.io", "LocalQueue")}


@pytest.mark.usefixtures("_stub")
def test_what_any_engine_made_is_found_again() -> None:
    none = Toolset()
    assert {("batch", "Job"), ("stub.example.com", "StubJob")} <= made_kinds("TrainingJob", none)
    assert ("stub.example.com", "StubJob") not in made_kinds("Model", none)
    # Who may not use a Tool may not even look for what its engine made.
    ray = Toolset((shipped()["kuberay"],))
    assert ("ray.io", "RayJob") not in made_kinds("TrainingJob", none)
    assert ("ray.io", "RayJob") in made_kinds("TrainingJob", ray)


WORKLOADS: list[Workload] = [
    job(workers=3, files={"a.py": "1"}),
    model(
        replicas=2,
        autoscaling={"maxReplicas": 4},
        canary={"storageUri": "pvc://models/2", "weight": 10},
    ),
]


TAKEN = [
    (engine, workload)
    for engine in ENGINES.values()
    for workload in WORKLOADS
    if workload.kind in engine.made_kinds
]


@pytest.mark.parametrize(("engine", "workload"), TAKEN)
def test_an_engine_makes_what_it_says_and_its_primary_object(
    engine: Any, workload: TrainingJob | Model
) -> None:
    closed = tenant(network={"internal": "closed"})
    objects = engine.render(platform(), closed, workload)
    made = {(obj["apiVersion"].rpartition("/")[0], obj["kind"]) for obj in objects}
    assert made <= engine.made_kinds[workload.kind]
    primary = engine.primary(workload)
    refs = {
        (obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj["metadata"]["namespace"])
        for obj in objects
    }
    assert (primary.api_version, primary.kind, primary.name, primary.namespace) in refs


def test_every_kind_has_an_engine_and_an_address() -> None:
    assert {engine_for(kind, Engines()).name for kind in KINDS} == {"native"}
    assert model_url(platform(), tenant(), model()).endswith("/v2/models/digits/infer")


NOTES = {
    "kind": "Job",
    "metadata": {"labels": {"app.kubernetes.io/component": "workspace"}},
    "spec": {},
}
"""The Job of a Workspace."""


@pytest.mark.parametrize(
    ("live", "ready", "final", "phase"),
    [
        ({"kind": "Job", "spec": {}}, True, False, Phase.COMPLETE),
        ({"kind": "Deployment", "spec": {}}, True, False, Phase.READY),
        ({"kind": "Job", "spec": {"suspend": True}}, False, False, Phase.SUSPENDED),
        ({"kind": "Job", "spec": {}}, False, True, Phase.FAILED),
        ({"kind": "Job", "spec": {}, "status": {"ready": 1}}, False, False, Phase.RUNNING),
        ({"kind": "Deployment", "spec": {}, "status": {}}, False, False, Phase.PENDING),
        ({**NOTES, "status": {}}, True, False, Phase.STOPPED),
        ({**NOTES, "status": {"ready": 1}}, False, False, Phase.READY),
        ({**NOTES, "status": {"active": 1}}, False, False, Phase.PENDING),
        ({**NOTES, "spec": {"suspend": True}}, False, False, Phase.SUSPENDED),
        (NOTES, False, True, Phase.FAILED),
    ],
)
def test_the_phase_of_a_native_workload(live: Any, ready: bool, final: bool, phase: Phase) -> None:
    assert Native().phase({"metadata": {}, **live}, ready=ready, final=final) is phase


def test_an_engine_needs_its_tool_on_the_platform_and_in_the_team() -> None:
    on, trainer = platform(engines={"trainingJob": "kubeflow"}), shipped()["kubeflow-trainer"]
    _, told = checked(on, {"vision": tenant()}, [on, job()])
    lack = "the engine kubeflow needs the Tool kubeflow-trainer: name it in spec.tools"
    assert [(o.path, o.message) for o in told] == [
        (("spec", "engines", "trainingJob"), lack),
        (("kind",), f"the Platform's spec.engines.trainingJob cannot be used: {lack}"),
    ]
    _, told = checked(on, {"vision": tenant(tools=[])}, [job()], tools=Toolset((trainer,)))
    assert [(o.path, o.message) for o in told] == [
        (
            ("kind",),
            "the Platform runs TrainingJobs by the Tool kubeflow-trainer, and tenant vision does "
            "not use it: add it to the Tenant's spec.tools",
        )
    ]
    made, told = checked(on, {"vision": tenant()}, [job()], tools=Toolset((trainer,)))
    assert told == []
    assert [obj["kind"] for obj in made[0].objects] == ["TrainingRuntime", "TrainJob"]


NATIVES = {("batch", "Job"), ("batch", "CronJob"), ("apps", "Deployment"), ("apps", "ReplicaSet")}


@pytest.mark.parametrize(
    ("tools", "more"),
    [
        ((), set()),
        (("mlflow", "kueue", "kubeflow"), set()),  # which no engine runs by
        (("jobset",), set()),
        (
            ("jobset", "kubeflow-trainer"),
            {("trainer.kubeflow.org", "TrainJob"), ("jobset.x-k8s.io", "JobSet")},
        ),
        (("kuberay",), {("ray.io", kind) for kind in ("RayCluster", "RayJob", "RayService")}),
        (("seldon",), {("machinelearning.seldon.io", "SeldonDeployment")}),
    ],
)
def test_what_leads_from_workloads_to_pods_follows_from_kinds_tools_and_engines(
    tools: tuple[str, ...], more: set[tuple[str, str]]
) -> None:
    found = controlling(Toolset(tuple(shipped()[name] for name in tools)))
    assert found == NATIVES | more


def test_the_operator_may_see_all_that_it_follows_to_pods_and_no_more_by_that() -> None:
    tools = Toolset(tuple(shipped()[name] for name in ("jobset", "kubeflow-trainer", "kserve")))
    plurals = {(rule.group, rule.kind): rule.plural for rule in (*RULES, *tools.rules)}

    def seen(*followed: GroupKind) -> set[tuple[str, str]]:
        objects = render_platform(platform(), tools, controlling=followed)
        (keeper,) = (obj for obj in objects if obj["metadata"]["name"] == KEEPER)
        return {
            (group, plural)
            for rule in keeper["rules"]
            if {"get", "list", "watch"} <= set(rule["verbs"])
            for group in rule["apiGroups"]
            for plural in rule["resources"]
        }

    followed = controlling(tools)
    assert seen(*followed) == seen() | {(group, plurals[group, kind]) for group, kind in followed}
