"""Seldon Core 1: a Model as a SeldonDeployment, with a predictor for each version, behind the
team's own route.

A predictor is the pod that the native engine runs, without Seldon's orchestrator before it. Source:
Seldon's documentation, "Seldon Deployment"; API machinelearning.seldon.io/v1.
"""

from collections.abc import Iterable, Iterator

from manor.api import Model, Platform, Tenant
from manor.engines.owned import object_of
from manor.engines.protocol import GroupKind, Phase, PodCount, Primary, Unsupported
from manor.engines.requestlog import not_kept
from manor.engines.route import WAY_KINDS, way
from manor.engines.server import (
    Version,
    not_by_requests,
    server_pod,
    unmountable,
    version_labels,
    versions,
)
from manor.render.objects import Object

GROUP = "machinelearning.seldon.io"
API = f"{GROUP}/v1"
PORT = 9000
"""Where Seldon's Service finds the first container of a predictor."""


class Seldon:
    """Models by the operator of Seldon Core 1."""

    name = "seldon"
    tool = "seldon"
    requires: frozenset[GroupKind] = frozenset({(GROUP, "SeldonDeployment")})
    made_kinds = {"Model": frozenset({*requires, *WAY_KINDS})}

    def unsupported(self, model: Model, /) -> Iterator[Unsupported]:
        """Storage URIs that cannot be mounted, servers of one's own, and GPUs."""
        yield from unmountable(model)
        yield from not_kept(model, self.name)
        yield from not_by_requests(model, self.name, "autoscaling", "canary")
        if model.custom:
            message = "Seldon asks its servers by the Open Inference Protocol; name MLServer's"
            yield Unsupported(("spec", "format"), message)
        if model.spec.resources.gpu:
            message = "what Seldon makes names no queue, in which GPUs may have to wait; remove it"
            yield Unsupported(("spec", "resources", "gpu"), message)

    def render(self, platform: Platform, tenant: Tenant, model: Model, /) -> list[Object]:
        """A SeldonDeployment, and the route to its predictors."""
        name, served = model.metadata.name, versions(model)
        predictors = [self._predictor(platform, tenant, model, version) for version in served]
        services = [f"{name}-{predictor['name']}" for predictor in predictors]
        spec = {"protocol": "v2", "predictors": predictors}
        return [
            object_of("SeldonDeployment", API, name, model, spec=spec),
            *way(platform, tenant, model, services, port=PORT),
        ]

    def _predictor(
        self, platform: Platform, tenant: Tenant, model: Model, version: Version
    ) -> Object:
        name = model.metadata.name
        pod = server_pod(platform, tenant, model, version, name, port=PORT)
        pod["containers"][0]["lifecycle"] = {}  # where it is absent Seldon adds one by a shell
        component: Object = {
            "metadata": {"labels": version_labels(model, version)},
            "spec": pod,
        }
        first = version.name == name
        if first and model.spec.replicas > 1:
            component["pdbSpec"] = {"maxUnavailable": 1}
        if first and (scaling := model.spec.autoscaling):
            target = {"type": "Utilization", "averageUtilization": scaling.by_cpu}
            component["hpaSpec"] = {
                "minReplicas": version.replicas,
                "maxReplicas": scaling.max_replicas,
                "metricsv2": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            }
        made: Object = {
            "name": "main" if first else "canary",
            "replicas": version.replicas,
            "annotations": {"seldon.io/no-engine": "true"},
            "graph": {"name": name, "type": "MODEL"},
            "componentSpecs": [component],
        }
        if canary := model.spec.canary:
            # What divides the requests is the route; Seldon asks that the parts make a whole.
            made["traffic"] = 100 - canary.answers if first else canary.answers
        return made

    def pods(self, objects: Iterable[Object]) -> Iterator[PodCount]:
        """The replicas of each predictor."""
        for obj in objects:
            if obj["kind"] == "SeldonDeployment":
                for predictor in obj["spec"]["predictors"]:
                    (component,) = predictor["componentSpecs"]
                    yield PodCount(predictor["replicas"], component["spec"])

    def primary(self, model: Model, /) -> Primary:
        """The SeldonDeployment."""
        return Primary(API, "SeldonDeployment", model.metadata.name, model.metadata.namespace)

    def phase(self, live: Object, *, ready: bool, final: bool) -> Phase:
        """A SeldonDeployment serves on."""
        if ready:
            return Phase.READY
        failed = (live.get("status") or {}).get("state") == "Failed"
        return Phase.FAILED if failed else Phase.PENDING
