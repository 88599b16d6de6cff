"""A Model as a Deployment behind a route."""

from manor.api import Model, Platform, Tenant
from manor.engines.owned import object_of
from manor.engines.queues import queue_labels
from manor.engines.route import way
from manor.engines.server import (
    Version,
    disruption_budget,
    server_pod,
    version_labels,
    versions,
)
from manor.render.objects import Object


def _version(platform: Platform, tenant: Tenant, model: Model, version: Version) -> list[Object]:
    """One served version of a model: its Deployment and Service, both of its name."""
    selector = version_labels(model, version)
    queue = queue_labels(platform, tenant, gpu=model.spec.resources.gpu)
    deployment: Object = {
        "selector": {"matchLabels": selector},
        "template": {
            "metadata": {"labels": {**selector, **queue}},
            "spec": server_pod(platform, tenant, model, version, "server"),
        },
    }
    if model.spec.autoscaling is None:
        deployment["replicas"] = version.replicas
    service = {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return [
        object_of("Deployment", "apps/v1", version.name, model, queue, spec=deployment),
        object_of("Service", "v1", version.name, model, spec=service),
    ]


def model(platform: Platform, tenant: Tenant, model: Model) -> list[Object]:
    """A Deployment and a Service (80 to 8080) for each version, the route to them, and what
    replicas need."""
    spec, name = model.spec, model.metadata.name
    served = versions(model)
    made: list[Object] = []
    for version in served:
        made += _version(platform, tenant, model, version)
    made += way(platform, tenant, model, [version.name for version in served])
    made += disruption_budget(model)
    if spec.autoscaling is not None and (use := spec.autoscaling.by_cpu):
        target = {"type": "Utilization", "averageUtilization": use}
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
