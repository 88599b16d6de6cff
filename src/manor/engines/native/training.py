"""A TrainingJob as an indexed Job."""

from manor.api import Platform, Tenant, TrainingJob
from manor.api.workload import APP_PATH
from manor.engines.owned import object_of
from manor.engines.pods import container_security_context, env, placement, pod_spec, resources
from manor.engines.queues import queue_labels
from manor.render import labels
from manor.render.objects import Object

RENDEZVOUS_PORT = 29500
"""PyTorch's default port of the rendezvous."""


def _worker_env(job: TrainingJob, service: str | None) -> list[Object]:
    spec = job.spec
    variables = {
        "HOME": "/tmp",  # noqa: S108 - the pod's own emptyDir
        # Its user ID has no name in the image; Python and PyTorch ask for one.
        "USER": "worker",
        "WORLD_SIZE": str(spec.workers * spec.processes),
        "NNODES": str(spec.workers),
        "NPROC_PER_NODE": str(spec.processes),
        "MASTER_ADDR": f"{job.metadata.name}-0.{service}" if service else "localhost",
        "MASTER_PORT": str(RENDEZVOUS_PORT),
    }
    # With several processes a worker the launcher (torchrun) says which is which.
    ranks = ["NODE_RANK", *(["RANK"] if spec.processes == 1 else [])]
    if spec.processes == 1:
        variables["LOCAL_RANK"] = "0"
    index = {
        "fieldRef": {
            "fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"
        }
    }
    computed = [{"name": rank, "valueFrom": index} for rank in ranks if rank not in spec.env]
    return computed + env(variables | spec.env)


def _mounts(job: TrainingJob) -> tuple[list[Object], list[Object]]:
    """The job's volumes and their mounts: shared memory, files, claims, Secrets."""
    spec = job.spec
    # As large as the worker's memory, against whose limit it counts; without it /dev/shm has 64
    # MiB.
    volumes: list[Object] = [
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": spec.resources.memory}}
    ]
    mounts: list[Object] = [{"name": "shm", "mountPath": "/dev/shm"}]  # noqa: S108 - the pod's own
    if spec.files:
        mounts.append({"name": "files", "mountPath": APP_PATH, "readOnly": True})
        volumes.append({"name": "files", "configMap": {"name": f"{job.metadata.name}-files"}})
    for volume in spec.volumes:
        mount: Object = {"name": f"volume-{volume.name}", "mountPath": volume.path}
        mounts.append({**mount, "readOnly": True} if volume.read_only else mount)
        volumes.append(
            {"name": f"volume-{volume.name}", "persistentVolumeClaim": {"claimName": volume.name}}
        )
    for secret in spec.secrets:
        if secret.path is not None:
            mounts.append(
                {"name": f"secret-{secret.name}", "mountPath": secret.path, "readOnly": True}
            )
            volumes.append({"name": f"secret-{secret.name}", "secret": {"secretName": secret.name}})
    return volumes, mounts


def training_job(platform: Platform, tenant: Tenant, job: TrainingJob) -> list[Object]:
    """An indexed Job; its files in a ConfigMap; for several workers a headless Service to find each
    other by."""
    spec, name = job.spec, job.metadata.name
    made: list[Object] = []
    service = f"{name}-workers" if spec.workers > 1 else None
    if service:
        ports = [{"name": "rendezvous", "port": RENDEZVOUS_PORT}]
        selector = {"batch.kubernetes.io/job-name": name}
        headless = {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": selector,
            "ports": ports,
        }
        made.append(object_of("Service", "v1", service, job, spec=headless))
        if tenant.spec.network.internal == "closed":
            among = {"podSelector": {"matchLabels": selector}}
            rules: Object = {**among, "ingress": [{"from": [among]}], "egress": [{"to": [among]}]}
            made.append(
                object_of("NetworkPolicy", "networking.k8s.io/v1", service, job, spec=rules)
            )
    if spec.files:
        made.append(object_of("ConfigMap", "v1", f"{name}-files", job, data=dict(spec.files)))
    volumes, mounts = _mounts(job)
    container: Object = {
        "name": "worker",
        "image": spec.image or platform.spec.images.training,
        "command": list(spec.command),
        "env": _worker_env(job, service),
        "resources": resources(platform, tenant, spec.resources),
        "securityContext": container_security_context(),
        "volumeMounts": mounts,
    }
    if spec.files:
        container["workingDir"] = APP_PATH
    if sources := [
        {"secretRef": {"name": secret.name}} for secret in spec.secrets if secret.path is None
    ]:
        container["envFrom"] = sources
    # The command is not process 1, which ignores a signal that it has no handler for: SIGTERM ends
    # it at once.
    fields: Object = {"restartPolicy": "Never", "shareProcessNamespace": True}
    fields |= placement(platform, tenant, spec.resources)
    if spec.image_pull_secrets:
        fields["imagePullSecrets"] = [{"name": secret} for secret in spec.image_pull_secrets]
    if service:
        fields["subdomain"] = service
    queue = queue_labels(platform, tenant, gpu=spec.resources.gpu, queue=spec.queue)
    made.append(
        object_of(
            "Job", "batch/v1", name, job, queue, spec=_job_spec(job, container, volumes, fields)
        )
    )
    return made


def _job_spec(job: TrainingJob, container: Object, volumes: list[Object], fields: Object) -> Object:
    spec = job.spec
    described: Object = {
        "completionMode": "Indexed",
        "completions": spec.workers,
        "parallelism": spec.workers,
        "backoffLimit": spec.retries,
        "template": {
            "metadata": {"labels": labels.workload_labels(job.kind, job.metadata.name)},
            "spec": pod_spec([container], volumes, **fields),
        },
    }
    if spec.timeout_seconds is not None:
        described["activeDeadlineSeconds"] = spec.timeout_seconds
    if spec.ttl_seconds_after_finished is not None:
        described["ttlSecondsAfterFinished"] = spec.ttl_seconds_after_finished
    return described
