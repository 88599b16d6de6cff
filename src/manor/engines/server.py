"""The versions of a Model and the pod that serves one, which every engine starts from."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from manor.api import Model, Platform, Tenant
from manor.api.wellknown import INSTANCE_LABEL
from manor.engines.owned import object_of
from manor.engines.pods import container_security_context, env, placement, pod_spec, resources
from manor.engines.protocol import Unsupported
from manor.engines.storage import MODEL_PATH, Storage, obstacle, storage
from manor.render import labels
from manor.render.objects import Object

HTTP_PORT = 8080
RUNTIMES = {"sklearn": "mlserver_sklearn.SKLearnModel"}
"""MLServer's runtime class of each model format."""


class Version(NamedTuple):
    """What is served at once of one model: the model itself, and its canary."""

    name: str
    storage_uri: str
    replicas: int


def versions(model: Model) -> list[Version]:
    """The model, and its canary where it has one."""
    spec, name = model.spec, model.metadata.name
    served = [Version(name, spec.storage_uri, spec.replicas)]
    if spec.canary:
        served.append(Version(f"{name}-canary", spec.canary.storage_uri, 1))
    return served


def unmountable(model: Model, engine: str, fetches: Collection[str] = ()) -> Iterator[Unsupported]:
    """The storage URIs of a model that the engine cannot bring into its pods, by what it `fetches`
    too, and a Secret for that where it fetches nothing."""
    spec = model.spec
    if why := obstacle(spec.storage_uri, spec.env, engine, fetches):
        yield Unsupported(("spec", "storageUri"), why)
    if spec.canary and (why := obstacle(spec.canary.storage_uri, spec.env, engine, fetches)):
        yield Unsupported(("spec", "canary", "storageUri"), why)
    if spec.storage_secret and not fetches:
        message = f"the {engine} engine fetches nothing by a Secret; remove it"
        yield Unsupported(("spec", "storageSecret"), message)


def version_labels(model: Model, version: Version) -> dict[str, str]:
    """The labels of a version's pods, also their selector."""
    return {
        **labels.workload_labels(model.kind, model.metadata.name),
        INSTANCE_LABEL: version.name,
    }


def disruption_budget(model: Model) -> list[Object]:
    """What keeps all but one of several replicas while nodes are drained."""
    if model.spec.replicas == 1:
        return []
    served = versions(model)[0]
    selector = {"matchLabels": version_labels(model, served)}
    spec = {"maxUnavailable": 1, "selector": selector}
    return [object_of("PodDisruptionBudget", "policy/v1", served.name, model, spec=spec)]


def server_pod(
    platform: Platform,
    tenant: Tenant,
    model: Model,
    version: Version,
    name: str,
    *,
    port: int = HTTP_PORT,
) -> Object:
    """The spec of a pod that serves a version whose storage URI has no obstacle; `name` is its
    container's."""
    stored = storage(version.storage_uri)
    server = _server(platform, tenant, model, name, stored.path, port)
    server["volumeMounts"] = [_mount(read_only=True)] if stored.volume else []
    fields = placement(platform, tenant, model.spec.resources)
    if stored.brought_by:
        fields["initContainers"] = [_bringer(server, stored)]
    return pod_spec([server], [stored.volume] if stored.volume else [], **fields)


def _server(
    platform: Platform, tenant: Tenant, model: Model, name: str, path: str, port: int
) -> Object:
    spec, served = model.spec, model.metadata.name
    ready = f"/v2/models/{served}/ready"
    variables = {
        "HOME": "/tmp",  # noqa: S108 - the pod's own emptyDir
        "MLSERVER_HTTP_PORT": str(port),
        "MLSERVER_MODEL_IMPLEMENTATION": RUNTIMES[spec.format],
        "MLSERVER_MODEL_NAME": served,
        "MLSERVER_MODEL_URI": path,
        "MLSERVER_PARALLEL_WORKERS": "0",
    }
    return {
        "name": name,
        "image": spec.image or platform.spec.images.serving.get(spec.format),
        "env": env(variables | spec.env),
        "ports": [{"name": "http", "containerPort": port}],
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


def _bringer(server: Object, stored: Storage) -> Object:
    """An init container that ends once the model's files are there."""
    given = {"env": server["env"]} if stored.fetched else {}
    return {
        "name": "wait-for-model",
        "image": server["image"],
        "command": list(stored.brought_by),
        **given,
        "resources": server["resources"],
        "securityContext": container_security_context(),
        "volumeMounts": [_mount(read_only=not stored.fetched)],
    }


def _mount(*, read_only: bool) -> Object:
    mount: Object = {"name": "model", "mountPath": MODEL_PATH}
    return {**mount, "readOnly": True} if read_only else mount
