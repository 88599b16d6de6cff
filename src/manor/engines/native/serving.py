"""A Model as a Deployment behind a route."""

from collections.abc import Iterator

from manor.api import Model, Platform, Tenant
from manor.api.wellknown import INSTANCE_LABEL, SYSTEM_NAMESPACE
from manor.engines.native.storage import model_volume, obstacle
from manor.engines.owned import object_of
from manor.engines.pods import container_security_context, env, placement, pod_spec, resources
from manor.engines.protocol import Unsupported
from manor.engines.queues import queue_labels
from manor.render import labels, names, url
from manor.render.objects import Object

HTTP_PORT = 8080
RUNTIMES = {"sklearn": "mlserver_sklearn.SKLearnModel"}
"""MLServer's runtime class of each model format."""


def unsupported(model: Model) -> Iterator[Unsupported]:
    """The storage URIs of a model that cannot be mounted."""
    if why := obstacle(model.spec.storage_uri):
        yield Unsupported(("spec", "storageUri"), why)
    if model.spec.canary and (why := obstacle(model.spec.canary.storage_uri)):
        yield Unsupported(("spec", "canary", "storageUri"), why)


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
        "startupProbe": {
            "httpGet": {"path": ready, "port": "http"},
            "periodSeconds": 2,
            "failureThreshold": 150,
        },
        "readinessProbe": {"httpGet": {"path": ready, "port": "http"}, "periodSeconds": 5},
        "livenessProbe": {
            "httpGet": {"path": "/v2/health/live", "port": "http"},
            "periodSeconds": 10,
        },
    }


def _waiter(server: Object, mount: Object, path: str) -> Object:
    """An init container that waits for the model's files: a model may be applied before it is
    trained."""
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
        "template": {
            "metadata": {"labels": {**selector, **queue}},
            "spec": pod_spec([server], [volume], **fields),
        },
    }
    if model.spec.autoscaling is None:
        deployment["replicas"] = replicas
    service = {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return [
        object_of("Deployment", "apps/v1", name, model, queue, spec=deployment),
        object_of("Service", "v1", name, model, spec=service),
    ]


def _route(platform: Platform, tenant: Tenant, model: Model, canary: str | None) -> Object:
    name = model.metadata.name
    weight = model.spec.canary.weight if model.spec.canary else 0
    backends: list[Object] = [{"name": name, "port": 80}]
    if canary:
        backends = [
            {"name": name, "port": 80, "weight": 100 - weight},
            {"name": canary, "port": 80, "weight": weight},
        ]
    paths = [{"path": {"type": "PathPrefix", "value": f"/v2/models/{name}"}}]
    spec = {
        "parentRefs": [{"name": names.gateway(tenant), "namespace": SYSTEM_NAMESPACE}],
        "hostnames": [_host(platform, tenant, model)],
        "rules": [{"matches": paths, "backendRefs": backends}],
    }
    return object_of("HTTPRoute", "gateway.networking.k8s.io/v1", name, model, spec=spec)


def _host(platform: Platform, tenant: Tenant, model: Model) -> str:
    hosts = tenant.hosts(platform.spec.domain)
    return model.spec.host or next((host for host in hosts if not host.startswith("*.")), hosts[0])


def model_url(platform: Platform, tenant: Tenant, model: Model) -> str:
    """Where the model answers the Open Inference Protocol (`/v2/models/<name>/infer`)."""
    return f"{url(platform, _host(platform, tenant, model))}/v2/models/{model.metadata.name}/infer"


def model(platform: Platform, tenant: Tenant, model: Model) -> list[Object]:
    """A Deployment and a Service (80 to 8080) for each version, the route to them, and what
    replicas need."""
    spec, name = model.spec, model.metadata.name
    made = _version(platform, tenant, model, name, spec.storage_uri, spec.replicas)
    canary = f"{name}-canary" if spec.canary else None
    if spec.canary and canary:
        made += _version(platform, tenant, model, canary, spec.canary.storage_uri, 1)
    made.append(_route(platform, tenant, model, canary))
    if spec.replicas > 1:
        selector = {**labels.workload_labels(model.kind, name), INSTANCE_LABEL: name}
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": selector}}
        made.append(object_of("PodDisruptionBudget", "policy/v1", name, model, spec=budget))
    if spec.autoscaling is not None:
        target = {"type": "Utilization", "averageUtilization": spec.autoscaling.cpu_percent}
        scaler = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": spec.replicas,
            "maxReplicas": spec.autoscaling.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
        made.append(
            object_of("HorizontalPodAutoscaler", "autoscaling/v2", name, model, spec=scaler)
        )
    return made
