"""Why something does not run, told from objects as real clusters show them."""

from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import job, model
from manor.api.platform import Engines
from manor.api.status import Reason
from manor.engines import Phase
from manor.kube import Object
from manor.objectset.refusals import unscheduled
from manor.rollout import Diagnosis, diagnose, in_words, standing
from served_kinds import Kind

pytestmark = pytest.mark.unit

SPACE = "vision"
_META = {"name": "train", "namespace": SPACE, "uid": "u-job"}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": _META,
    "spec": {"parallelism": 1},
    "status": {"active": 1},
}
QUOTA = (
    'Error creating: pods "train-x" is forbidden: exceeded quota: manor-quota, requested: '
    "pods=1,requests.cpu=4, used: pods=3,requests.cpu=6, limited: pods=100,requests.cpu=8"
)
POLICY = (
    "Error creating: pods \"train-x\" is forbidden: ValidatingAdmissionPolicy 'manor-images' with "
    "binding 'manor-images' denied request: image docker.io/x is not from an allowed registry"
)
SECURITY = (
    'Error creating: pods "train-x" is forbidden: violates PodSecurity "restricted:latest": '
    'runAsNonRoot != true (container "c")'
)


def pod(name: str = "train-0", **status: Any) -> Object:
    labels = {"batch.kubernetes.io/job-name": "train", "app": "digits"}
    meta = {"name": name, "namespace": SPACE, "labels": labels, "uid": f"u-{name}"}
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    spec = {"containers": [{"name": "c"}], "volumes": [claim]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def container(image: str = "r/i:1", **state: Any) -> Object:
    ready = {"ready": False, "restartCount": 0, "image": image}
    return {"name": "c", **ready, **state}


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    state = {"waiting": {"reason": reason, "message": message}}
    return pod(phase="Pending", containerStatuses=[container(state=state, **more)])


def unplaced(message: str, reason: str = "Unschedulable") -> Object:
    said = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    return pod(phase="Pending", conditions=[said])


def event(about: Object, reason: str, message: str = "", when: str = "10:00:00") -> Object:
    meta = about["metadata"]
    involved = {"kind": about["kind"], "name": meta["name"], "uid": meta["uid"]}
    name = f"{meta['name']}-{reason}-{when}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": SPACE},
        "involvedObject": involved,
        "type": "Normal" if reason == "SuccessfulCreate" else "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-11-26T{when}Z",
    }


@pytest.fixture
def server() -> ApiStandIn:
    return ApiStandIn(namespace=SPACE)


async def found(server: ApiStandIn, obj: Object, *beside: Object) -> Diagnosis:
    server.hold(obj, *beside)
    told = await diagnose(server.client(), obj)
    assert server.written == []
    return told


TAINT = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint(s)"
BACKOFF = 'Back-off pulling image "r/i:1": ErrImagePull: not found'


@pytest.mark.parametrize(
    ("pod", "reason", "message"),
    [
        (
            waiting("ImagePullBackOff", BACKOFF),
            Reason.IMAGE_UNAVAILABLE,
            f"container c: image r/i:1: {BACKOFF}",
        ),
        (
            waiting("InvalidImageName"),
            Reason.IMAGE_UNAVAILABLE,
            "container c: image r/i:1: InvalidImageName",
        ),
        (
            waiting("CreateContainerConfigError", 'secret "s3" not found'),
            Reason.CONFIG_UNAVAILABLE,
            'container c: secret "s3" not found',
        ),
        (
            pod(
                phase="Failed",
                containerStatuses=[
                    container(state={"terminated": {"exitCode": 3, "reason": "Error"}})
                ],
            ),
            Reason.CRASHED,
            "container c ended with exit code 3: the last line",
        ),
        (
            waiting(
                "CrashLoopBackOff",
                "back-off 10s",
                lastState={"terminated": {"exitCode": 1, "reason": "Error"}},
            ),
            Reason.CRASHED,
            "container c ended with exit code 1: the last line",
        ),
        (
            pod(
                phase="Failed",
                containerStatuses=[
                    container(
                        state={"terminated": {"exitCode": 2, "message": "first\nout of rows\n"}}
                    )
                ],
            ),
            Reason.CRASHED,
            "container c ended with exit code 2: out of rows",
        ),
        (
            pod(phase="Failed", reason="Evicted", message="The node was low on memory."),
            Reason.CRASHED,
            "its node ended the pod: Evicted: The node was low on memory.",
        ),
        (
            pod(
                phase="Pending",
                initContainerStatuses=[{"name": "wait-for-model", "state": {"running": {}}}],
            ),
            Reason.PROGRESSING,
            "wait-for-model: the last line",
        ),
        (pod(phase="Running", containerStatuses=[container(ready=True)]), Reason.PROGRESSING, ""),
    ],
)
async def test_a_pod_says_what_is_in_its_way(
    server: ApiStandIn, pod: Object, reason: Reason, message: str
) -> None:
    path = "/api/v1/namespaces/vision/pods/train-0/log"
    server.logs[path] = "the first line\nthe last line\n\n"
    told = await found(server, pod)
    assert (told.reason, told.message) == (reason, message)
    assert bool(told.advice) == told.obstructed == (reason is not Reason.PROGRESSING)


async def test_of_a_killed_container_the_memory_is_told(server: ApiStandIn) -> None:
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    told = await found(server, pod(phase="Failed", containerStatuses=[container(state=ended)]))
    assert "exit code 137 (OOMKilled" in told.message
    assert told.advice == "give it more memory"


async def test_a_log_that_may_not_be_read_hides_nothing_else(server: ApiStandIn) -> None:
    server.refused["GET .*/log"] = (403, "no logs for you")
    ended = {"terminated": {"exitCode": 3}}
    told = await found(server, pod(phase="Failed", containerStatuses=[container(state=ended)]))
    assert told.message == "container c ended with exit code 3"


CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": SPACE, "uid": "u-data"},
    "spec": {},
}


@pytest.mark.parametrize(
    ("beside", "reason", "message"),
    [
        ([], Reason.VOLUME_UNAVAILABLE, "there is no volume claim data"),
        (
            [
                {**CLAIM, "status": {"phase": "Pending"}},
                event(CLAIM, "ProvisioningFailed", "no class fast"),
            ],
            Reason.VOLUME_UNAVAILABLE,
            "volume claim data is not bound: no class fast",
        ),
        (
            [{**CLAIM, "status": {"phase": "Bound"}}],
            Reason.UNSCHEDULABLE,
            (
                "no node takes it: of 2 nodes: 1 with too little nvidia.com/gpu, "
                "1 with a taint that it does not tolerate"
            ),
        ),
    ],
)
async def test_a_pod_without_a_node_lacks_a_volume_or_a_node(
    server: ApiStandIn, beside: list[Object], reason: Reason, message: str
) -> None:
    told = await found(server, unplaced(f"{TAINT}. preemption: 0/2 nodes are"), *beside)
    assert (told.reason, told.message) == (reason, message)


async def test_a_volume_that_cannot_be_mounted_is_told_until_the_container_started(
    server: ApiStandIn,
) -> None:
    starting = waiting("ContainerCreating")
    mount = event(starting, "FailedMount", 'secret "key" not found')
    told = await found(server, starting, mount)
    assert (told.reason, told.message) == (Reason.VOLUME_UNAVAILABLE, 'secret "key" not found')
    told = await found(server, starting, event(starting, "Started", when="10:00:01"))
    assert told.reason is Reason.PROGRESSING


@pytest.mark.parametrize(
    ("said", "reason", "message"),
    [
        (
            QUOTA,
            Reason.QUOTA_EXCEEDED,
            (
                "no room in quota manor-quota: pods: 1 asked for, 3 of 100 used; "
                "requests.cpu: 4 asked for, 6 of 8 used"
            ),
        ),
        (
            POLICY,
            Reason.REFUSED,
            "refused by manor-images: image docker.io/x is not from an allowed registry",
        ),
        (
            SECURITY,
            Reason.REFUSED,
            'refused by PodSecurity: "restricted:latest": runAsNonRoot != true (container "c")',
        ),
        (
            'pods "x" is forbidden: error looking up service account vision/a',
            Reason.REFUSED,
            "refused: error looking up service account vision/a",
        ),
    ],
)
async def test_pods_that_are_not_made_have_been_refused(
    server: ApiStandIn, said: str, reason: Reason, message: str
) -> None:
    refusal = event(JOB, "FailedCreate", said)
    told = await found(server, JOB, refusal)
    assert (told.reason, told.message) == (reason, message)
    # Another Job had this name before, and has its events for an hour.
    refusal["involvedObject"]["uid"] = "u-older"
    assert (await found(server, JOB, refusal)).reason is Reason.PROGRESSING


async def test_a_refusal_is_over_once_a_pod_was_made(server: ApiStandIn) -> None:
    refusal, made = (
        event(JOB, "FailedCreate", QUOTA),
        event(JOB, "SuccessfulCreate", when="10:00:05"),
    )
    assert (await found(server, JOB, refusal, made)).reason is Reason.PROGRESSING


@pytest.mark.parametrize(
    ("api_version", "kind", "label"),
    [
        ("serving.kserve.io/v1beta1", "InferenceService", "serving.kserve.io/inferenceservice"),
        ("machinelearning.seldon.io/v1", "SeldonDeployment", "seldon-deployment-id"),
    ],
)
async def test_what_a_controller_made_for_it_tells_of_the_quota(
    server: ApiStandIn, api_version: str, kind: str, label: str
) -> None:
    group, _, version = api_version.partition("/")
    server.kinds.append(Kind(group, version, kind, f"{kind.lower()}s", True))
    meta = {"name": "digits", "namespace": SPACE}
    failure = {"type": "ReplicaFailure", "status": "True", "message": QUOTA}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": SPACE, "labels": {label: "digits"}},
        "spec": {"replicas": 1},
        "status": {"conditions": [failure]},
    }
    primary = {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": {}}
    assert (await found(server, primary, deployment)).reason is Reason.QUOTA_EXCEEDED


async def test_a_ray_cluster_tells_why_its_pods_are_not_made(server: ApiStandIn) -> None:
    for kind in ("RayJob", "RayCluster"):
        server.kinds.append(Kind("ray.io", "v1", kind, f"{kind.lower()}s", True))
    meta = {"name": "train", "namespace": SPACE, "uid": "u"}
    primary = {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": meta, "spec": {}}
    cluster = {**primary, "kind": "RayCluster", "metadata": {**meta, "name": "train-abc"}}
    refusal = event(cluster, "FailedToCreateHeadPod", QUOTA)
    primary["status"] = {"rayClusterName": "train-abc"}
    assert (await found(server, primary, cluster, refusal)).reason is Reason.QUOTA_EXCEEDED


async def test_a_train_job_is_told_of_by_the_jobs_of_its_set(server: ApiStandIn) -> None:
    server.kinds.append(Kind("trainer.kubeflow.org", "v1alpha1", "TrainJob", "trainjobs", True))
    meta = {"name": "train", "namespace": SPACE, "uid": "u"}
    primary = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": meta,
        "spec": {},
    }
    labels = {"jobset.sigs.k8s.io/jobset-name": "train"}
    of_set = {**JOB, "metadata": {**_META, "name": "train-node-0", "labels": labels}}
    told = await found(server, primary, of_set, event(of_set, "FailedCreate", POLICY))
    assert told.reason is Reason.REFUSED


def waits(name: str, owner: str, priority: int = 0, age: int = 0, **more: Any) -> Object:
    meta = {
        "name": name,
        "namespace": SPACE,
        "ownerReferences": [{"uid": owner}],
        "creationTimestamp": f"2026-11-26T10:00:{age:02}Z",
    }
    no = {"type": "QuotaReserved", "status": "False", "message": "1 more nvidia.com/gpu needed"}
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Workload",
        "metadata": meta,
        "spec": {"queueName": "default", "priority": priority, **more},
        "status": {"conditions": [no]},
    }


async def test_what_waits_is_told_its_number_in_the_queue(server: ApiStandIn) -> None:
    server.kinds.append(Kind("kueue.x-k8s.io", "v1beta2", "Workload", "workloads", True))
    labels = {"kueue.x-k8s.io/queue-name": "default"}
    queued = {**JOB, "metadata": {**_META, "labels": labels}, "spec": {"suspend": True}}
    admitted = waits("running", "u-1")
    admitted["status"] = {"conditions": [{"type": "Admitted", "status": "True"}]}
    line = [
        waits("mine", "u-job", age=5),
        waits("older", "u-2", age=4),
        waits("younger", "u-3", age=6),
        waits("urgent", "u-4", age=9, priority=100),
        waits("elsewhere", "u-5", queueName="other"),
        admitted,
    ]
    told = await found(server, queued, *line)
    words = "number 3 of 4 in queue default: 1 more nvidia.com/gpu needed"
    assert (told.reason, told.message) == (Reason.QUEUED, words)
    server.refused["GET .*/workloads"] = (403, "no")
    assert (await found(server, queued)).reason is Reason.PROGRESSING


async def test_a_pod_that_a_gate_holds_back_is_queued(server: ApiStandIn) -> None:
    held = unplaced("", "SchedulingGated")
    held["spec"]["schedulingGates"] = [{"name": "example.com/wait"}]
    told = await found(server, held)
    assert (told.reason, told.message) == (Reason.QUEUED, "held back by example.com/wait")


async def test_what_may_not_be_seen_is_said(server: ApiStandIn) -> None:
    server.refused["GET .*/pods"] = (403, "you may not list pods")
    told = await found(server, JOB)
    assert (told.reason, told.unseen) == (Reason.PROGRESSING, "you may not list pods")


async def test_the_standing_has_the_diagnosis_and_few_requests(server: ApiStandIn) -> None:
    server.hold(
        {**JOB, "metadata": {**_META, "name": "train"}},
        event(JOB, "FailedCreate", QUOTA),
    )
    asked: list[str] = []
    client = server.client()
    send = server.send

    async def counted(identity: Any, method: str, path: str, *more: Any, **named: Any) -> str:
        asked.append(path)
        return await send(identity, method, path, *more, **named)

    server.send = counted  # type: ignore[method-assign, assignment]
    stands = await standing(client, job(), Engines())
    assert stands.phase is Phase.PENDING
    assert stands.diagnosis
    assert stands.diagnosis.reason is Reason.QUOTA_EXCEEDED
    assert stands.reason.startswith("is not complete (1 active); no room in quota manor-quota")
    assert len([path for path in asked if "/namespaces/" in path]) == 3
    assert await in_words(client, JOB) == stands.diagnosis.message


async def test_a_model_whose_time_is_over_is_told_the_cause(server: ApiStandIn) -> None:
    conditions = [
        {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out"},
        {"type": "ReplicaFailure", "status": "True", "message": POLICY},
    ]
    meta = {"name": "digits", "namespace": SPACE}
    server.hold(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "digits"}}},
            "status": {"observedGeneration": 1, "conditions": conditions},
        }
    )
    stands = await standing(server.client(), model(), Engines())
    assert stands.phase is Phase.FAILED
    assert stands.diagnosis
    assert stands.diagnosis.reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("said", "short"),
    [
        ("0/1 nodes are available: 1 Insufficient cpu.", "of 1 nodes: 1 with too little cpu"),
        ("0/1 nodes are available: 1 Too many pods. preemption: x", "of 1 nodes: 1 with as many"),
        ("something new", "something new"),
    ],
)
def test_the_scheduler_is_told_in_short(said: str, short: str) -> None:
    assert unscheduled(said).startswith(short)


def attempt(index: int, failures: int, **ended: Any) -> Object:
    """A pod of a worker that had failed so often; it runs, unless it has ended."""
    made = pod(f"train-{index}-{failures}")
    marks = {"job-completion-index": str(index), "job-index-failure-count": str(failures)}
    made["metadata"]["annotations"] = {f"batch.kubernetes.io/{key}": v for key, v in marks.items()}
    made["metadata"]["creationTimestamp"] = f"2026-11-26T10:0{failures}:00Z"
    state = {"terminated": ended} if ended else {"running": {}}
    status = {**container(state=state), "ready": not ended}
    phase = "Failed" if ended else "Running"
    made["status"] = {"phase": phase, "containerStatuses": [status]}
    return made


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_restart_is_told_with_the_worker_that_was_lost_first(
    server: ApiStandIn, number: int
) -> None:
    for failures in range(number):
        moment = f"2026-11-26T10:0{failures}:30Z"
        # What misses it fails in the same second.
        server.hold(attempt(0, failures, exitCode=1, finishedAt=moment))
        server.hold(attempt(1, failures, exitCode=137, finishedAt=moment))
    bounds = {"parallelism": 2, "backoffLimitPerIndex": 3, "maxFailedIndexes": 0}
    meta = {**_META, "name": "train"}
    server.hold({**JOB, "metadata": meta, "spec": bounds, "status": {"failed": 2 * number}})
    stands = await standing(server.client(), job(workers=2, retries=3), Engines())
    assert stands.phase is Phase.PENDING
    assert stands.diagnosis
    assert stands.diagnosis.reason is Reason.CRASHED  # until they are made anew
    server.hold(*(attempt(index, number) for index in (0, 1)))
    counts = {"active": 2, "ready": 2, "failed": 2 * number}
    server.hold({**JOB, "metadata": meta, "spec": bounds, "status": counts})
    stands = await standing(server.client(), job(workers=2, retries=3), Engines())
    assert stands.phase is Phase.RUNNING
    assert stands.reason == (
        f"is not complete (2 active, 2 ready, {2 * number} failed); restart {number} of 3, after "
        "worker 1: container c ended with exit code 137"
    )


async def test_what_stops_the_next_attempt_is_told_and_not_the_last_ones_end(
    server: ApiStandIn,
) -> None:
    late = attempt(1, 1)
    late["status"] = waiting("ImagePullBackOff", "no such image")["status"]
    server.hold(attempt(1, 0, exitCode=137, finishedAt="2026-11-26T10:00:30Z"), late)
    server.hold({**JOB, "metadata": {**_META, "name": "train"}, "status": {"failed": 1}})
    stands = await standing(server.client(), job(retries=3), Engines())
    assert stands.diagnosis
    assert stands.diagnosis.reason is Reason.IMAGE_UNAVAILABLE
    assert "restart 1 of 3, after worker 1: " in stands.reason
