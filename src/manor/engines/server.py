"""The versions of a Model and the pod that serves one, which every engine starts from."""

from collections.abc import Iterator
from typing import NamedTuple

from manor.api import Model, Platform, Tenant
from manor.api.wellknown import INSTANCE_LABEL
from manor.api.workload import Server, is_fetched
from manor.engines import requestlog
from manor.engines.owned import object_of
from manor.engines.pods import (
    container_security_context,
    env,
    fetcher,
    key_volumes,
    placement,
    pod_spec,
    resources,
)
from manor.engines.protocol import Unsupported
from manor.engines.storage import MODEL_PATH, Storage, obstacle, storage, stored
from manor.render import labels
from manor.render.objects import Object
from manor.render.traffic import CONNECTION_SECONDS

HTTP_PORT = 8080
METRICS = "metrics"
"""What the port is called at which a pod tells Prometheus of its requests."""
_METRICS_PORT = 8082
"""MLServer's own choice."""
_HEARD = 5
"""Seconds within which the proxy has heard that a pod is to end, also on a busy machine."""
HOME = "/tmp"  # noqa: S108 - the pod's own emptyDir
RUNTIMES = {
    "huggingface": "mlserver_huggingface.HuggingFaceRuntime",
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
    "mlflow": "mlserver_mlflow.MLflowRuntime",
    "sklearn": "mlserver_sklearn.SKLearnModel",
    "xgboost": "mlserver_xgboost.XGBoostModel",
}
"""MLServer's runtime class of each model format but `custom`."""


class Version(NamedTuple):
    """What is served at once of one model: the model itself, and its canary."""

    name: str
    storage_uri: str | None
    replicas: int


def versions(model: Model) -> list[Version]:
    """The model, and its canary where it has one."""
    spec, name = model.spec, model.metadata.name
    served = [Version(name, spec.storage_uri, spec.replicas)]
    if spec.canary:
        served.append(Version(f"{name}-canary", spec.canary.storage_uri, 1))
    return served


def unmountable(model: Model) -> Iterator[Unsupported]:
    """The URIs of a model that cannot be brought into its pods, and a Secret for that where nothing
    is fetched."""
    spec = model.spec
    for field, uri in model.uris.items():
        if why := obstacle(uri, spec.env):
            yield Unsupported(("spec", *field), why)
        elif uri.startswith("models:/") and model.custom:
            why = f"{uri}: an image of your own does not fetch it; copy the files to a volume"
            yield Unsupported(("spec", *field), why)
    if spec.storage_secret and not model.fetched:
        message = "none of its files is fetched (s3://, gs://, https://, hf://); remove it"
        yield Unsupported(("spec", "storageSecret"), message)
    yield from requestlog.obstacles(model)


def not_by_requests(model: Model, engine: str, *parts: str) -> Iterator[Unsupported]:
    """The fields of these parts of the spec by which a model follows its requests, for an engine
    whose system does not."""
    for field in (field for field in model.by_requests if field[0] in parts):
        message = f"{engine} does not follow requests; have the Platform run Models by native"
        yield Unsupported(("spec", *field), message)


def version_labels(model: Model, version: Version) -> dict[str, str]:
    """The labels of a version's pods, also their selector."""
    return {
        **labels.workload_labels(model.kind, model.metadata.name),
        INSTANCE_LABEL: version.name,
    }


def served_labels(model: Model) -> dict[str, str]:
    """The labels of the pods that serve the model, without its canary's."""
    return version_labels(model, versions(model)[0])


def metrics_port(spec: Object) -> int | None:
    """Where a server's pod tells of its requests; None where it does not."""
    ports = {each.get("name"): each["containerPort"] for each in spec["containers"][0]["ports"]}
    return ports.get(METRICS)


def served_version(spec: Object) -> str:
    """The storage URI of the version that a server's pod serves; empty where its image holds it."""
    told = {each["name"]: each.get("value", "") for each in spec["containers"][0].get("env", ())}
    path = told.get("MLSERVER_MODEL_URI") or told.get("MODEL_PATH", "")
    volumes = {volume["name"]: volume for volume in spec.get("volumes", ())}
    return stored(volumes.get("model", {}), path, spec.get("initContainers", ()))


def disruption_budget(model: Model) -> list[Object]:
    """What keeps all but one of several replicas while nodes are drained."""
    if model.spec.replicas == 1:
        return []
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": served_labels(model)}}
    return [object_of("PodDisruptionBudget", "policy/v1", model.metadata.name, model, spec=spec)]


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
    stored = storage(version.storage_uri) if version.storage_uri else None
    path, log = stored.path if stored else "", model.spec.request_log
    served = _custom(model, path) if model.custom else _mlserver(model, path, port)
    server: Object = {
        "name": name,
        "image": model.spec.image or platform.spec.images.serving.get(model.spec.format),
        **served.words,
        "env": env(served.variables | {"HOME": HOME} | model.spec.env),
        "ports": served.ports,
        "resources": resources(platform, tenant, model.spec.resources),
        "securityContext": container_security_context(),
        **served.probes,
        **_farewell(model),
        "volumeMounts": [_mount(read_only=True)] if stored else [],
    }
    fields = placement(platform, tenant, model.spec.resources)
    volumes = [stored.volume] if stored else []
    if version.storage_uri and is_fetched(version.storage_uri):
        fields["initContainers"] = [
            fetcher(
                *(platform, "fetch-model", version.storage_uri, _mount(read_only=False)),
                *(model.spec.storage_secret, server["resources"]),
            )
        ]
        volumes += key_volumes("model", model.spec.storage_secret)
    elif stored and stored.brought_by and not model.custom:
        fields["initContainers"] = [_bringer(server, stored)]
    if log:
        told = {"version": version.name, "storageUri": version.storage_uri or ""}
        before = requestlog.sidecars(platform, model, log, told, served.ports)
        fields["initContainers"] = [*fields.get("initContainers", []), *before]
        volumes += requestlog.volumes(log)
    return pod_spec([server], volumes, **fields)


def _farewell(model: Model) -> Object:
    """What keeps a server that is to end until the proxy asks it no more; where that has
    connections to the Service's address, by one of before."""
    seconds = _HEARD if model.idle_seconds is None else CONNECTION_SECONDS + 2
    return {"lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}}


class _Served(NamedTuple):
    """How a server is run and asked."""

    variables: dict[str, str]
    ports: list[Object]
    probes: Object
    words: Object
    """Its command and arguments, where they are not the image's own."""


def _mlserver(model: Model, path: str, port: int) -> _Served:
    """MLServer, which is ready once the model is."""
    name, own = model.metadata.name, requestlog.PORT if model.spec.request_log else port
    variables = {
        "MLSERVER_HTTP_PORT": str(own),
        "MLSERVER_MODEL_IMPLEMENTATION": RUNTIMES[model.spec.format],
        "MLSERVER_MODEL_NAME": name,
        "MLSERVER_MODEL_URI": path,
        "MLSERVER_PARALLEL_WORKERS": "0",
    }
    live = {"httpGet": {"path": "/v2/health/live", "port": _own(model)}}
    ports = [*_ports(port, own), _port(METRICS, _METRICS_PORT)]
    return _Served(
        variables, ports, _probes(model, f"/v2/models/{name}/ready", live, minutes=5), {}
    )


def _custom(model: Model, path: str) -> _Served:
    """A server of one's own, which lives while its port is open."""
    server = model.spec.server or Server()
    words = {"command": server.command, "args": server.args}
    front = requestlog.PORT if model.spec.request_log else server.port
    return _Served(
        {"MODEL_PATH": path} if path else {},
        _ports(front, server.port),
        _probes(model, server.ready, {"tcpSocket": {"port": _own(model)}}, minutes=30),
        {field: given for field, given in words.items() if given},
    )


def _own(model: Model) -> str:
    """What the server's own port is called: `http` is where the pod is asked."""
    return "server" if model.spec.request_log else "http"


def _ports(asked: int, own: int) -> list[Object]:
    """Where a pod is asked, and where its server is, if what keeps requests stands before it. They
    are the pod's, and Services look at its first container."""
    return [_port("http", asked), *([_port("server", own)] if own != asked else [])]


def _port(name: str, number: int) -> Object:
    return {"name": name, "containerPort": number}


def _probes(model: Model, ready: str, live: Object, *, minutes: int) -> Object:
    """The probes of a server that has so many minutes to load its model."""
    every = 2 if model.idle_seconds is None else 1  # somebody waits for it
    asked = {"httpGet": {"path": ready, "port": _own(model)}}
    return {
        "startupProbe": {
            **asked,
            "periodSeconds": every,
            "failureThreshold": minutes * 60 // every,
        },
        "readinessProbe": {**asked, "periodSeconds": 5},
        "livenessProbe": {**live, "periodSeconds": 10},
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
