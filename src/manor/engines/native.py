"""The native engine: TrainingJob as a Job, Model as a Deployment behind a route, with nothing else installed."""

from manor.api import Model, Platform, Tenant, TrainingJob, kinds
from manor.api.wellknown import GATEWAY_API, GATEWAY_GROUP, INSTANCE_LABEL, SYSTEM_NAMESPACE
from manor.api.workload import APP_PATH
from manor.engines.pods import container_security_context, env, placement, pod_spec, resources
from manor.engines.queues import queue_labels
from manor.engines.storage import model_volume
from manor.render import labels, names, url
from manor.render.objects import Object, make

RENDEZVOUS_PORT = 29500
"""PyTorch's default port of the rendezvous."""

HTTP_PORT = 8080
MADE_KINDS: dict[str, frozenset[tuple[str, str]]] = {
    kinds.TRAINING_JOB.kind: frozenset({("", "ConfigMap"), ("", "Service"), ("batch", "Job")}),
    kinds.MODEL.kind: frozenset(
        {
            *(("", "Service"), ("apps", "Deployment"), (GATEWAY_GROUP, "HTTPRoute")),
            *(("autoscaling", "HorizontalPodAutoscaler"), ("policy", "PodDisruptionBudget")),
        }
    ),
}
"""Group and kind of all that a workload of a kind may become."""

RUNTIMES = {"sklearn": "mlserver_sklearn.SKLearnModel"}
"""MLServer's runtime class of each model format."""


def _object(
    kind: str,
    api_version: str,
    name: str,
    owner: TrainingJob | Model,
    queue: dict[str, str] | None = None,
    **body: object,
) -> Object:
    made = {**labels.workload_labels(owner.kind, owner.metadata.name), **(queue or {})}
    return make(api_version, kind, name, owner.metadata.namespace, labels=made, **body)


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
    index = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
    computed = [{"name": rank, "valueFrom": index} for rank in ranks if rank not in spec.env]
    return computed + env(variables | spec.env)


def _mounts(job: TrainingJob) -> tuple[list[Object], list[Object]]:
    """The job's volumes and their mounts: shared memory, files, claims, Secrets."""
    spec = job.spec
    # As large as the worker's memory, against whose limit it counts; without it /dev/shm has 64 MiB.
    volumes: list[Object] = [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": spec.resources.memory}}]
    mounts: list[Object] = [{"name": "shm", "mountPath": "/dev/shm"}]  # noqa: S108 - the pod's own
    if spec.files:
        mounts.append({"name": "files", "mountPath": APP_PATH, "readOnly": True})
        volumes.append({"name": "files", "configMap": {"name": f"{job.metadata.name}-files"}})
    for volume in spec.volumes:
        mount: Object = {"name": f"volume-{volume.name}", "mountPath": volume.path}
        mounts.append({**mount, "readOnly": True} if volume.read_only else mount)
        volumes.append({"name": f"volume-{volume.name}", "persistentVolumeClaim": {"claimName": volume.name}})
    for secret in spec.secrets:
        if secret.path is not None:
            mounts.append({"name": f"secret-{secret.name}", "mountPath": secret.path, "readOnly": True})
            volumes.append({"name": f"secret-{secret.name}", "secret": {"secretName": secret.name}})
    return volumes, mounts


def training_job(platform: Platform, tenant: Tenant, job: TrainingJob) -> list[Object]:
    """An indexed Job; its files in a ConfigMap; for several workers a headless Service to find each other by."""
    spec, name = job.spec, job.metadata.name
    made: list[Object] = []
    service = f"{name}-workers" if spec.workers > 1 else None
    if service:
        ports = [{"name": "rendezvous", "port": RENDEZVOUS_PORT}]
        selector = {"batch.kubernetes.io/job-name": name}
        headless = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": selector, "ports": ports}
        made.append(_object("Service", "v1", service, job, spec=headless))
        if tenant.spec.network.internal == "closed":
            among = {"podSelector": {"matchLabels": selector}}
            rules: Object = {**among, "ingress": [{"from": [among]}], "egress": [{"to": [among]}]}
            made.append(_object("NetworkPolicy", "networking.k8s.io/v1", service, job, spec=rules))
    if spec.files:
        made.append(_object("ConfigMap", "v1", f"{name}-files", job, data=dict(spec.files)))
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
    if sources := [{"secretRef": {"name": secret.name}} for secret in spec.secrets if secret.path is None]:
        container["envFrom"] = sources
    # The command is not process 1, which ignores a signal that it has no handler for: SIGTERM ends it at once.
    fields: Object = {"restartPolicy": "Never", "shareProcessNamespace": True}
    fields |= placement(platform, tenant, spec.resources)
    if spec.image_pull_secrets:
        fields["imagePullSecrets"] = [{"name": secret} for secret in spec.image_pull_secrets]
    if service:
        fields["subdomain"] = service
    queue = queue_labels(platform, tenant, gpu=spec.resources.gpu, queue=spec.queue)
    made.append(_object("Job", "batch/v1", name, job, queue, spec=_job_spec(job, container, volumes, fields)))
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


def _server(platform: Platform, tenant: Tenant, model: Model, path: str) -> Object:
    spec, name = model.spec, model.metadata.name
    ready = f"/v2/models/{name}/ready"
    variables = {
        "HOME": "/tmp",  # noqa: S108 - the pod's own emptyDir
        "MLSERVER_HTTP_PORT": str(HTTP_PORT),
        "MLSERVER_MODEL_IMPLEMENTATION": RUNTIMES[spec.format],
        "MLSERVER_MODEL_NAME": name,
        "MLSERVER_MODEL_URI": path,
        "MLSERVER_PARALLEL_WORKERS": "0",
    }
    return {
        "name": "server",
        "image": spec.image or platform.spec.images.serving.get(spec.format),
        "env": env(variables),
        "ports": [{"name": "http", "containerPort": HTTP_PORT}],
        "resources": resources(platform, tenant, spec.resources),
        "securityContext": container_security_context(),
        "startupProbe": {"httpGet": {"path": ready, "port": "http"}, "periodSeconds": 2, "failureThreshold": 150},
        "readinessProbe": {"httpGet": {"path": ready, "port": "http"}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/v2/health/live", "port": "http"}, "periodSeconds": 10},
    }


def _waiter(server: Object, mount: Object, path: str) -> Object:
    """An init container that waits for the model's files: a model may be applied before it is trained."""
    script = (
        "import pathlib, sys, time\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "while not (path.is_file() or path.is_dir() and any(path.iterdir())):\n"
        "    print('waiting for the model in', path, flush=True); time.sleep(2)\n"
    )
    return {
        "name": "wait-for-model",
        "image": server["image"],
        "command": ["python3", "-c", script, path],
        "resources": server["resources"],
        "securityContext": container_security_context(),
        "volumeMounts": [mount],
    }


def _version(
    platform: Platform, tenant: Tenant, model: Model, name: str, storage_uri: str, replicas: int
) -> list[Object]:
    """One served version of a model: its Deployment and Service, both named `name`."""
    volume, mount, path = model_volume(storage_uri)
    server = _server(platform, tenant, model, path)
    waiting = [_waiter(server, mount, path)] if "persistentVolumeClaim" in volume else []
    server["volumeMounts"] = [mount]
    selector = {**labels.workload_labels(model.kind, model.metadata.name), INSTANCE_LABEL: name}
    fields = placement(platform, tenant, model.spec.resources)
    if waiting:
        fields["initContainers"] = waiting
    queue = queue_labels(platform, tenant, gpu=model.spec.resources.gpu)
    deployment: Object = {
        "selector": {"matchLabels": selector},
        "template": {"metadata": {"labels": {**selector, **queue}}, "spec": pod_spec([server], [volume], **fields)},
    }
    if model.spec.autoscaling is None:
        deployment["replicas"] = replicas
    service = {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return [
        _object("Deployment", "apps/v1", name, model, queue, spec=deployment),
        _object("Service", "v1", name, model, spec=service),
    ]


def _route(platform: Platform, tenant: Tenant, model: Model, canary: str | None) -> Object:
    name = model.metadata.name
    weight = model.spec.canary.weight if model.spec.canary else 0
    backends: list[Object] = [{"name": name, "port": 80}]
    if canary:
        backends = [{"name": name, "port": 80, "weight": 100 - weight}, {"name": canary, "port": 80, "weight": weight}]
    paths = [{"path": {"type": "PathPrefix", "value": f"/v2/models/{name}"}}]
    spec = {
        "parentRefs": [{"name": names.gateway(tenant), "namespace": SYSTEM_NAMESPACE}],
        "hostnames": [_host(platform, tenant, model)],
        "rules": [{"matches": paths, "backendRefs": backends}],
    }
    return _object("HTTPRoute", GATEWAY_API, name, model, spec=spec)


def _host(platform: Platform, tenant: Tenant, model: Model) -> str:
    hosts = tenant.hosts(platform.spec.domain)
    return model.spec.host or next((host for host in hosts if not host.startswith("*.")), hosts[0])


def model_url(platform: Platform, tenant: Tenant, model: Model) -> str:
    """Where the model answers the Open Inference Protocol (`/v2/models/<name>/infer`)."""
    return f"{url(platform, _host(platform, tenant, model))}/v2/models/{model.metadata.name}/infer"


def model(platform: Platform, tenant: Tenant, model: Model) -> list[Object]:
    """A Deployment and a Service (80 to 8080) for each version, the route to them, and what replicas need."""
    spec, name = model.spec, model.metadata.name
    made = _version(platform, tenant, model, name, spec.storage_uri, spec.replicas)
    canary = f"{name}-canary" if spec.canary else None
    if spec.canary and canary:
        made += _version(platform, tenant, model, canary, spec.canary.storage_uri, 1)
    made.append(_route(platform, tenant, model, canary))
    if spec.replicas > 1:
        selector = {**labels.workload_labels(model.kind, name), INSTANCE_LABEL: name}
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": selector}}
        made.append(_object("PodDisruptionBudget", "policy/v1", name, model, spec=budget))
    if spec.autoscaling is not None:
        target = {"type": "Utilization", "averageUtilization": spec.autoscaling.cpu_percent}
        scaler = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": spec.replicas,
            "maxReplicas": spec.autoscaling.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
        made.append(_object("HorizontalPodAutoscaler", "autoscaling/v2", name, model, spec=scaler))
    return made
