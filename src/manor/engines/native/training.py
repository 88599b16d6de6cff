"""A TrainingJob as an indexed Job, or as a CronJob that makes one again and again."""

from manor.api import Platform, Tenant, TrainingJob
from manor.api.schedule import UTC_ZONE
from manor.api.workload import TrainingJobSpec
from manor.engines.owned import object_of
from manor.engines.queues import queue_labels
from manor.engines.worker import (
    RENDEZVOUS_PORT,
    RUN_NAME,
    files,
    indexed_environment,
    service_name,
    worker_pod,
)
from manor.render import labels
from manor.render.objects import Object


def training_job(platform: Platform, tenant: Tenant, job: TrainingJob) -> list[Object]:
    """An indexed Job, or the CronJob of its schedule; its files in a ConfigMap; for several workers
    a headless Service to find each other by."""
    spec, name, service = job.spec, job.metadata.name, service_name(job)
    marks = labels.workload_labels(job.kind, name)
    # The runs of a schedule have names of their own.
    run = f"$({RUN_NAME})" if spec.schedule else name
    variables = indexed_environment(job, f"{run}-0.{service}")
    pod = worker_pod(platform, tenant, job, "worker", variables)
    made: list[Object] = []
    if spec.workers > 1:
        pod["subdomain"] = service
        ports = [{"name": "rendezvous", "port": RENDEZVOUS_PORT}]
        headless = {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": marks,
            "ports": ports,
        }
        made.append(object_of("Service", "v1", service, job, spec=headless))
    queue = queue_labels(platform, tenant, gpu=spec.resources.gpu, queue=spec.queue)
    template = _job_spec(job, pod)
    if spec.schedule is None:
        described = object_of("Job", "batch/v1", name, job, queue, spec=template)
    else:
        # What waits in the queue is each run.
        runs = {"metadata": {"labels": {**marks, **queue}}, "spec": template}
        described = object_of("CronJob", "batch/v1", name, job, spec=_schedule(job, runs))
    return [*made, *files(job), described]


def _schedule(job: TrainingJob, runs: Object) -> Object:
    spec = job.spec
    return {
        "schedule": spec.schedule,
        "timeZone": spec.time_zone or UTC_ZONE,
        "concurrencyPolicy": spec.concurrency_policy or "Forbid",
        "suspend": bool(spec.suspend),
        "successfulJobsHistoryLimit": spec.successful_jobs_history_limit or 3,
        "failedJobsHistoryLimit": spec.failed_jobs_history_limit or 1,
        "jobTemplate": runs,
    }


def _how_many(spec: TrainingJobSpec) -> Object:
    if sweep := spec.sweep:
        count = len(sweep.parameters)
        at_once = min(sweep.at_once, count)
        return {"completions": count, "parallelism": at_once, "backoffLimitPerIndex": spec.retries}
    return {"completions": spec.workers, "parallelism": spec.workers, **_restarts(spec)}


def _restarts(spec: TrainingJobSpec) -> Object:
    """How often workers are started again.

    A worker that is lost takes the others with it, and each of them fails once: all start again. So
    of several workers each is counted by itself, and the job has failed with the first of them that
    has no restart left.
    """
    if spec.workers == 1 or not spec.retries:
        return {"backoffLimit": spec.retries}
    return {"backoffLimitPerIndex": spec.retries, "maxFailedIndexes": 0}


def _job_spec(job: TrainingJob, pod: Object) -> Object:
    spec = job.spec
    described: Object = {
        "completionMode": "Indexed",
        **_how_many(spec),
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
