"""The engines of other systems: the pods that they ask for are those of the native engine, and what
they cannot do is refused by its field."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from engine_specs import job, model, platform, tenant
from manor.api import Model, TrainingJob
from manor.engines import Phase, checked, render_workload
from manor.engines.protocol import PodCount
from manor.engines.ray.launcher import SCRIPT
from manor.engines.registry import ENGINES
from manor.objectset.readiness import readiness
from manor.render.network import network_policies
from manor.render.routes import service
from manor.tools import Toolset
from manor.tools.packs import shipped

pytestmark = pytest.mark.unit

RESTARTS = {"backoffLimit", "backoffLimitPerIndex", "maxFailedIndexes"}
LARGE = {"memory": "2Gi", "cpu": "1500m"}


KEPT_BACK = [
    {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["Authorization"]}}
]


def pods_of(engine: str, workload: TrainingJob | Model) -> list[PodCount]:
    objects = ENGINES[engine].render(platform(), tenant(), workload)
    return list(ENGINES[engine].pods(objects))


def env_of(pod: PodCount) -> dict[str, Any]:
    return {each["name"]: each for each in pod.spec["containers"][0]["env"]}


def without_names(spec: dict[str, Any]) -> dict[str, Any]:
    """A pod's spec less what systems name by words of their own."""
    containers = [{**each, "name": "", "env": []} for each in spec["containers"]]
    return {**spec, "containers": containers, "subdomain": None}


def test_a_train_job_runs_the_pod_of_a_job() -> None:
    workload = job(workers=3, files={"a.py": "1"}, secrets=[{"name": "key"}], retries=2)
    (native,), (pod,) = pods_of("native", workload), pods_of("kubeflow", workload)
    assert without_names(pod.spec) == without_names(native.spec)
    assert pod.count == native.count == 3
    told = env_of(pod)
    assert told["MASTER_ADDR"]["value"] == "train-node-0-0.train-workers"
    assert told.keys() == env_of(native).keys()
    objects = {o["kind"]: o for o in ENGINES["kubeflow"].render(platform(), tenant(), workload)}
    template = objects["TrainingRuntime"]["spec"]["template"]["spec"]
    assert template["network"] == {"subdomain": "train-workers"}
    assert template["replicatedJobs"][0]["template"]["spec"]["backoffLimit"] == 2
    assert objects["TrainJob"]["spec"]["runtimeRef"]["kind"] == "TrainingRuntime"


def test_a_ray_job_has_a_node_for_each_worker_and_one_pod_that_hands_it_in() -> None:
    workload = job(workers=3, resources=LARGE, command=["python3", "-c", "print('a b')"])
    head, workers, submitter = pods_of("ray", workload)
    assert (head.count, workers.count, submitter.count) == (1, 2, 1)
    (obj,) = [o for o in ENGINES["ray"].render(platform(), tenant(), workload) if "spec" in o]
    assert obj["spec"]["entrypoint"] == (
        """python3 /launcher/launch.py 3 0 /tmp python3 -c 'print('"'"'a b'"'"')'"""
    )
    cluster = obj["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "2"}
    for pod in (head, workers):
        assert "command" not in pod.spec["containers"][0]
        assert "app.kubernetes.io/name" not in str(obj["spec"])
    assert (
        "workerGroupSpecs"
        not in (
            ENGINES["ray"].render(platform(), tenant(), job(resources=LARGE))[-1]["spec"][
                "rayClusterSpec"
            ]
        )
    )


@pytest.mark.parametrize("engine", ["native", "kserve", "seldon"])
def test_a_registered_model_is_fetched_whichever_engine_serves_it(engine: str) -> None:
    registry = {"MLFLOW_TRACKING_URI": "http://mlflow"}
    (pod,) = pods_of(engine, model(storageUri="models:/digits/3", env=registry))
    (fetch,) = pod.spec["initContainers"]
    assert fetch["command"][-2:] == ["models:/digits/3", "/mnt/models"]
    assert {"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow"} in fetch["env"]
    assert env_of(pod)["MLFLOW_TRACKING_URI"]["value"] == "http://mlflow"


def test_the_launcher_is_python() -> None:
    compile(SCRIPT, "launch.py", "exec")
    words = [sys.executable, "-c", SCRIPT, "1", "0", "/", "true"]
    ended = subprocess.run(words, capture_output=True, text=True)
    assert "No module named 'ray'" in ended.stderr  # it is the image's, not ours


def test_an_inference_service_runs_the_pod_of_a_deployment() -> None:
    workload = model(replicas=2, canary={"storageUri": "pvc://models/2", "weight": 10})
    native, served = pods_of("native", workload), pods_of("kserve", workload)
    assert [pod.count for pod in served] == [pod.count for pod in native] == [2, 1]
    for mine, theirs in zip(served, native, strict=True):
        pod = {key: value for key, value in mine.spec.items() if key in theirs.spec}
        assert without_names(pod) == without_names(theirs.spec)
    objects = ENGINES["kserve"].render(platform(), tenant(), workload)
    (route,) = [obj for obj in objects if obj["kind"] == "HTTPRoute"]
    assert route["spec"]["rules"][0]["backendRefs"] == [
        service("digits-predictor", 80, weight=90, filters=KEPT_BACK),
        service("digits-canary-predictor", 80, weight=10, filters=KEPT_BACK),
    ]
    kinds = [obj["kind"] for obj in objects]
    assert kinds == [
        *("InferenceService", "InferenceService"),
        *("SecurityPolicy", "HTTPRoute", "PodDisruptionBudget"),
    ]


@pytest.mark.parametrize("engine", ["native", "kserve", "seldon"])
@pytest.mark.parametrize("scheme", ["s3", "gs", "https", "hf"])
def test_what_is_no_volume_is_fetched_by_the_teams_secret(engine: str, scheme: str) -> None:
    uri = f"{scheme}://bucket/iris"
    canary = {"storageUri": "pvc://models/2", "weight": 10}
    workload = model(storageUri=uri, storageSecret="bucket", canary=canary)
    assert list(ENGINES[engine].unsupported(workload)) == []
    fetched, mounted = pods_of(engine, workload)
    assert env_of(fetched)["MLSERVER_MODEL_URI"]["value"] == "/mnt/models"
    (init,) = fetched.spec["initContainers"]
    assert (init["name"], init["args"]) == ("fetch-model", [uri, "/mnt/models"])
    assert init["envFrom"] == [{"secretRef": {"name": "bucket"}}]
    files = {"name": "model-keys", "secret": {"secretName": "bucket", "optional": True}}
    assert files in fetched.spec["volumes"]
    assert "/var/secrets" in [mount["mountPath"] for mount in init["volumeMounts"]]
    assert [init["name"] for init in mounted.spec["initContainers"]] == ["wait-for-model"]


def test_a_predictor_runs_the_pod_of_a_deployment_at_seldons_port() -> None:
    workload = model(replicas=2, canary={"storageUri": "pvc://models/2", "weight": 10})
    native, served = pods_of("native", workload), pods_of("seldon", workload)
    assert [pod.count for pod in served] == [pod.count for pod in native] == [2, 1]
    for mine, theirs in zip(served, native, strict=True):
        (container,) = mine.spec["containers"]
        assert container["name"] == "digits"
        assert container.pop("lifecycle") == {}
        del theirs.spec["containers"][0]["lifecycle"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports == {"http": 9000, "metrics": 8082}
        told = {each["name"]: each.get("value") for each in container["env"]}
        assert (told["MLSERVER_HTTP_PORT"], told["MLSERVER_MODEL_NAME"]) == ("9000", "digits")
        same = {"ports": theirs.spec["containers"][0]["ports"]}
        mine.spec["containers"] = [{**container, **same}]
        waiting = [{**each, "image": ""} for each in mine.spec["initContainers"]]
        assert waiting == [{**each, "image": ""} for each in theirs.spec["initContainers"]]
        assert without_names(mine.spec) == without_names(theirs.spec)
    deployment, _, route = ENGINES["seldon"].render(platform(), tenant(), workload)
    main, canary = deployment["spec"]["predictors"]
    assert (main["traffic"], canary["traffic"]) == (90, 10)
    assert main["annotations"] == canary["annotations"] == {"seldon.io/no-engine": "true"}
    assert main["componentSpecs"][0]["pdbSpec"] == {"maxUnavailable": 1}
    assert route["spec"]["rules"][0]["backendRefs"] == [
        service("digits-main", 9000, weight=90, filters=KEPT_BACK),
        service("digits-canary", 9000, weight=10, filters=KEPT_BACK),
    ]
    (alone, *_) = ENGINES["seldon"].render(
        platform(), tenant(), model(autoscaling={"maxReplicas": 4, "cpuPercent": 60})
    )
    scaler = alone["spec"]["predictors"][0]["componentSpecs"][0]["hpaSpec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 4)
    assert scaler["metricsv2"][0]["resource"]["target"]["averageUtilization"] == 60


@pytest.mark.parametrize(
    ("autoscaling", "expected"),
    [
        (None, {"minReplicas": 1, "maxReplicas": 1}),
        (
            {"maxReplicas": 4, "cpuPercent": 60},
            {"minReplicas": 1, "maxReplicas": 4, "scaleMetric": "cpu", "scaleTarget": 60},
        ),
    ],
)
def test_kserve_scales_as_the_model_says(autoscaling: Any, expected: dict[str, Any]) -> None:
    (service, *_) = ENGINES["kserve"].render(platform(), tenant(), model(autoscaling=autoscaling))
    predictor = service["spec"]["predictor"]
    said = {key: predictor[key] for key in predictor if key[:3] in ("min", "max", "sca")}
    assert said == expected
    kind = service["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"]
    assert kind == ("hpa" if autoscaling else "none")


@pytest.mark.parametrize("engine", ["native", "kubeflow", "ray"])
def test_workers_are_known_to_the_policy_of_a_closed_team(engine: str) -> None:
    closed = tenant(network={"internal": "closed"})
    (policy,) = (
        obj["spec"]
        for obj in network_policies(platform(), closed, {}, "vision")
        if obj["metadata"]["name"] == "manor-workers"
    )
    workers = policy["podSelector"]["matchLabels"]
    assert policy["ingress"] == [{"from": [{"podSelector": {"matchLabels": workers}}]}]
    assert policy["egress"] == [{"to": [{"podSelector": {"matchLabels": workers}}]}]
    objects = ENGINES[engine].render(platform(), closed, job(workers=2, resources=LARGE))
    assert not [obj for obj in objects if obj["kind"] == "NetworkPolicy"]
    found = list(templates(objects))
    assert found
    for template in found:
        assert workers.items() <= template["metadata"]["labels"].items()


def templates(part: Any) -> Iterator[dict[str, Any]]:
    """The pod templates anywhere in it."""
    if isinstance(part, dict):
        if "containers" in part.get("spec", {}):
            yield part
        for inner in part.values():
            yield from templates(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from templates(inner)


MLFLOW = {"MLFLOW_TRACKING_URI": "http://mlflow"}


@pytest.mark.parametrize(
    ("engine", "workload", "path"),
    [
        ("kubeflow", job(ttlSecondsAfterFinished=5), ("spec", "ttlSecondsAfterFinished")),
        (
            "ray",
            job(resources=LARGE, ttlSecondsAfterFinished=5),
            ("spec", "ttlSecondsAfterFinished"),
        ),
        ("ray", job(resources={"memory": "512Mi"}), ("spec", "resources", "memory")),
        ("kserve", model(storageUri="pvc://models/../iris"), ("spec", "storageUri")),
        ("native", model(storageSecret="bucket"), ("spec", "storageSecret")),
        ("seldon", model(storageSecret="bucket"), ("spec", "storageSecret")),
        ("seldon", model(resources={"gpu": 1}), ("spec", "resources", "gpu")),
        ("seldon", model(format="custom", image="r/chat:1"), ("spec", "format")),
        (
            "native",
            model(format="custom", image="r/chat:1", storageUri="models:/chat/1", env=MLFLOW),
            ("spec", "storageUri"),
        ),
    ],
)
def test_what_an_engine_cannot_do_is_told_by_its_field(
    engine: str, workload: TrainingJob | Model, path: tuple[str, ...]
) -> None:
    assert [error.path for error in ENGINES[engine].unsupported(workload)] == [path]


@pytest.mark.parametrize(
    ("engine", "kind", "longest"), [("kubeflow", job, 48), ("ray", job, 47), ("kserve", model, 50)]
)
def test_names_have_the_room_that_the_system_has(engine: str, kind: Any, longest: int) -> None:
    def problems(name: str) -> list[tuple[Any, ...]]:
        workload = kind(resources=LARGE)
        meta = workload.metadata.model_copy(update={"name": name})
        renamed = workload.model_copy(update={"metadata": meta})
        return [error.path for error in ENGINES[engine].unsupported(renamed)]

    assert problems("a" * longest) == []
    if longest < 50:
        assert problems("a" * (longest + 1)) == [("metadata", "name")]


def test_the_budget_counts_the_pods_of_any_engine() -> None:
    team = tenant(quota={"memory": "5Gi"})
    for engine, tool in (("native", None), ("kubeflow", "kubeflow-trainer"), ("ray", "kuberay")):
        on = platform(engines={"trainingJob": engine})
        tools = Toolset((shipped()[tool],) if tool else ())
        _, told = checked(on, {"vision": team}, [job(workers=3, resources=LARGE)], tools=tools)
        assert [o.path for o in told] == [("spec", "resources", "memory")], engine
        _, told = checked(on, {"vision": team}, [job(workers=2, resources=LARGE)], tools=tools)
        assert told == [], engine


@pytest.mark.parametrize(
    ("engine", "api", "kind", "status", "phase"),
    [
        ("kubeflow", "trainer.kubeflow.org/v1alpha1", "TrainJob", {}, Phase.PENDING),
        (
            "kubeflow",
            "trainer.kubeflow.org/v1alpha1",
            "TrainJob",
            {"conditions": [{"type": "Suspended", "status": "True"}]},
            Phase.SUSPENDED,
        ),
        (
            "kubeflow",
            "trainer.kubeflow.org/v1alpha1",
            "TrainJob",
            {"jobsStatus": [{"name": "node", "ready": 2}]},
            Phase.RUNNING,
        ),
        (
            "kubeflow",
            "trainer.kubeflow.org/v1alpha1",
            "TrainJob",
            {"conditions": [{"type": "Complete", "status": "True"}]},
            Phase.COMPLETE,
        ),
        (
            "kubeflow",
            "trainer.kubeflow.org/v1alpha1",
            "TrainJob",
            {"conditions": [{"type": "Failed", "status": "True", "message": "no"}]},
            Phase.FAILED,
        ),
        ("ray", "ray.io/v1", "RayJob", {"jobDeploymentStatus": "Initializing"}, Phase.PENDING),
        ("ray", "ray.io/v1", "RayJob", {"jobDeploymentStatus": "Running"}, Phase.RUNNING),
        ("ray", "ray.io/v1", "RayJob", {"jobDeploymentStatus": "Suspended"}, Phase.SUSPENDED),
        ("ray", "ray.io/v1", "RayJob", {"jobDeploymentStatus": "Complete"}, Phase.COMPLETE),
        ("ray", "ray.io/v1", "RayJob", {"jobDeploymentStatus": "Failed"}, Phase.FAILED),
        ("kserve", "serving.kserve.io/v1beta1", "InferenceService", {}, Phase.PENDING),
        (
            "seldon",
            "machinelearning.seldon.io/v1",
            "SeldonDeployment",
            {"state": "Available"},
            Phase.READY,
        ),
        (
            "seldon",
            "machinelearning.seldon.io/v1",
            "SeldonDeployment",
            {"state": "Creating"},
            Phase.PENDING,
        ),
        (
            "seldon",
            "machinelearning.seldon.io/v1",
            "SeldonDeployment",
            {"state": "Failed", "description": "no"},
            Phase.FAILED,
        ),
        (
            "kserve",
            "serving.kserve.io/v1beta1",
            "InferenceService",
            {"conditions": [{"type": "Ready", "status": "True"}]},
            Phase.READY,
        ),
    ],
)
def test_the_phase_is_told_from_the_systems_own_status(
    engine: str, api: str, kind: str, status: Any, phase: Phase
) -> None:
    live = {"apiVersion": api, "kind": kind, "metadata": {"name": "a"}, "status": status}
    state = readiness(live, jobs=True)
    assert ENGINES[engine].phase(live, ready=state.ready, final=state.final) is phase


def test_what_waits_in_a_queue_says_so_in_any_system() -> None:
    for engine, kind in (("kubeflow", "TrainJob"), ("ray", "RayJob")):
        on = platform(engines={"trainingJob": engine, "queue": "kueue"})
        objects = render_workload(on, tenant(), job(resources={**LARGE, "gpu": 1}))
        (primary,) = [obj for obj in objects if obj["kind"] == kind]
        assert primary["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"


@pytest.mark.parametrize(
    ("spec", "bounds"),
    [
        ({"retries": 2}, {"backoffLimit": 2}),
        ({"workers": 2, "retries": 0}, {"backoffLimit": 0}),
        ({"workers": 2, "retries": 2}, {"backoffLimitPerIndex": 2, "maxFailedIndexes": 0}),
    ],
)
def test_each_of_several_workers_has_its_own_restarts(
    spec: dict[str, Any], bounds: dict[str, int]
) -> None:
    objects = ENGINES["native"].render(platform(), tenant(), job(**spec))
    (made,) = (each["spec"] for each in objects if each["kind"] == "Job")
    assert {key: made[key] for key in made.keys() & RESTARTS} == bounds
