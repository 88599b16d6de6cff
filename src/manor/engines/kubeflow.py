"""Kubeflow Trainer: a TrainingJob as a TrainJob, whose runtime is its own.

The runtime (a JobSet) holds the pod, so that nothing has to be agreed upon with the platform's
runtimes; the TrainJob names it. Source: Kubeflow's documentation, "TrainJob" and
"TrainingRuntime"; API trainer.kubeflow.org/v1alpha1.
"""

from collections.abc import Iterable, Iterator

from manor.api import Platform, Tenant, TrainingJob
from manor.engines.owned import object_of
from manor.engines.protocol import GroupKind, Phase, PodCount, Primary, Unsupported
from manor.engines.queues import queue_labels
from manor.engines.worker import (
    files,
    indexed_environment,
    service_name,
    worker_pod,
)
from manor.objectset.readiness import condition_is
from manor.render import labels
from manor.render.objects import Object

GROUP = "trainer.kubeflow.org"
API = f"{GROUP}/v1alpha1"
NODE = "node"
"""What Trainer calls the part of a runtime that trains, and its container."""
POD_NAME_LIMIT = 63
"""JobSet refuses longer names of pods: `<job>-node-0-<worker>-<5 letters>`."""


class Kubeflow:
    """TrainingJobs by Kubeflow Trainer and JobSet."""

    name = "kubeflow"
    tool = "kubeflow-trainer"
    requires: frozenset[GroupKind] = frozenset({(GROUP, "TrainJob"), (GROUP, "TrainingRuntime")})
    made_kinds = {"TrainingJob": frozenset({*requires, ("", "ConfigMap")})}

    def unsupported(self, job: TrainingJob, /) -> Iterator[Unsupported]:
        """A time to live, a schedule, a sweep, and names that JobSet has no room for."""
        spec, name = job.spec, job.metadata.name
        longest = POD_NAME_LIMIT - len(f"-{NODE}-0-{spec.workers - 1}-12345")
        if len(name) > longest:
            message = f"Kubeflow Trainer has room for {longest} characters with {spec.workers}"
            yield Unsupported(("metadata", "name"), f"{message} workers; choose a shorter one")
        if name[0].isdigit():
            message = "Kubeflow Trainer takes names that begin with a letter"
            yield Unsupported(("metadata", "name"), message)
        if spec.ttl_seconds_after_finished is not None:
            message = "Kubeflow Trainer keeps jobs that have ended; delete it when it is not needed"
            yield Unsupported(("spec", "ttlSecondsAfterFinished"), message)
        if spec.schedule is not None:
            message = (
                "a TrainJob runs once; have the Platform run TrainingJobs by the engine native"
            )
            yield Unsupported(("spec", "schedule"), message)
        if spec.sweep is not None:
            message = "a TrainJob has no trials; use the engine native, or Katib"
            yield Unsupported(("spec", "sweep"), message)

    def render(self, platform: Platform, tenant: Tenant, job: TrainingJob, /) -> list[Object]:
        """A TrainJob and its runtime; the files in a ConfigMap."""
        spec, name = job.spec, job.metadata.name
        trained: Object = {
            "runtimeRef": {"apiGroup": GROUP, "kind": "TrainingRuntime", "name": name}
        }
        if spec.timeout_seconds is not None:
            trained["activeDeadlineSeconds"] = spec.timeout_seconds
        queue = queue_labels(platform, tenant, gpu=spec.resources.gpu, queue=spec.queue)
        runtime = {
            "mlPolicy": {"numNodes": spec.workers},
            "template": {
                "metadata": {"labels": labels.workload_labels(job.kind, name)},
                "spec": self._job_set(platform, tenant, job),
            },
        }
        return [
            *files(job),
            object_of("TrainingRuntime", API, name, job, spec=runtime),
            object_of("TrainJob", API, name, job, queue, spec=trained),
        ]

    def _job_set(self, platform: Platform, tenant: Tenant, job: TrainingJob) -> Object:
        service = service_name(job)
        variables = indexed_environment(job, f"{job.metadata.name}-{NODE}-0-0.{service}")
        own = labels.workload_labels(job.kind, job.metadata.name)
        template = {
            "metadata": {"labels": own},
            "spec": worker_pod(platform, tenant, job, NODE, variables),
        }
        trains = {**own, "trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
        spec = {"backoffLimit": job.spec.retries, "template": template}
        nodes = {"name": NODE, "template": {"metadata": {"labels": trains}, "spec": spec}}
        return {"network": {"subdomain": service}, "replicatedJobs": [nodes]}

    def pods(self, objects: Iterable[Object]) -> Iterator[PodCount]:
        """The nodes of the runtime."""
        for obj in objects:
            if obj["kind"] == "TrainingRuntime":
                (nodes,) = obj["spec"]["template"]["spec"]["replicatedJobs"]
                pod = nodes["template"]["spec"]["template"]["spec"]
                yield PodCount(obj["spec"]["mlPolicy"]["numNodes"], pod)

    def primary(self, job: TrainingJob, /) -> Primary:
        """The TrainJob."""
        return Primary(API, "TrainJob", job.metadata.name, job.metadata.namespace)

    def phase(self, live: Object, *, ready: bool, final: bool) -> Phase:
        """A TrainJob ends, and waits suspended in its queue."""
        if ready or final:
            return Phase.COMPLETE if ready else Phase.FAILED
        if condition_is(live, "Suspended"):
            return Phase.SUSPENDED
        jobs = (live.get("status") or {}).get("jobsStatus") or ()
        return Phase.RUNNING if any(job.get("ready") for job in jobs) else Phase.PENDING
