"""A TrainingJob as an indexed Job."""

from manor.api import Platform, Tenant, TrainingJob
from manor.engines.owned import object_of
from manor.engines.queues import queue_labels
from manor.engines.worker import (
    RENDEZVOUS_PORT,
    files,
    indexed_environment,
    service_name,
    worker_pod,
)
from manor.render import labels
from manor.render.objects import Object


def training_job(platform: Platform, tenant: Tenant, job: TrainingJob) -> list[Object]:
    """An indexed Job; its files in a ConfigMap; for several workers a headless Service to find each
    other by."""
    spec, name, service = job.spec, job.metadata.name, service_name(job)
    pods = {"batch.kubernetes.io/job-name": name}
    variables = indexed_environment(job, f"{name}-0.{service}")
    pod = worker_pod(platform, tenant, job, "worker", variables)
    made: list[Object] = []
    if spec.workers > 1:
        pod["subdomain"] = service
        ports = [{"name": "rendezvous", "port": RENDEZVOUS_PORT}]
        headless = {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": pods,
            "ports": ports,
        }
        made.append(object_of("Service", "v1", service, job, spec=headless))
    queue = queue_labels(platform, tenant, gpu=spec.resources.gpu, queue=spec.queue)
    described = object_of("Job", "batch/v1", name, job, queue, spec=_job_spec(job, pod))
    return [*made, *files(job), described]


def _job_spec(job: TrainingJob, pod: Object) -> Object:
    spec = job.spec
    described: Object = {
        "completionMode": "Indexed",
        "completions": spec.workers,
        "parallelism": spec.workers,
        "backoffLimit": spec.retries,
        "template": {
            "metadata": {"labels": labels.workload_labels(job.kind, job.metadata.name)},
            "spec": pod,
        },
    }
    if spec.timeout_seconds is not None:
        described["activeDeadlineSeconds"] = spec.timeout_seconds
    if spec.ttl_seconds_after_finished is not None:
        described["ttlSecondsAfterFinished"] = spec.ttl_seconds_after_finished
    return described
