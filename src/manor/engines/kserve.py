"""KServe in Standard mode: each version of a Model as an InferenceService behind the team's own
route.

The predictor is the pod that the native engine runs: the same server, and the same that fetches its
files.
Source: KServe's documentation, "Custom predictor"; API serving.kserve.io/v1beta1.
"""

from collections.abc import Iterable, Iterator

from manor.api import Model, Platform, Tenant
from manor.engines.owned import object_of
from manor.engines.protocol import GroupKind, Phase, PodCount, Primary, Unsupported
from manor.engines.queues import queue_labels
from manor.engines.route import WAY_KINDS, way
from manor.engines.server import (
    Version,
    disruption_budget,
    not_by_requests,
    server_pod,
    unmountable,
    version_labels,
    versions,
)
from manor.render.objects import Object

GROUP = "serving.kserve.io"
API = f"{GROUP}/v1beta1"
CONTAINER = "kserve-container"
"""What KServe calls the container that serves."""
NAME_LIMIT = 63 - len("-predictor")
"""KServe's Service is named `<name>-predictor`."""


class Kserve:
    """Models by KServe's controller."""

    name = "kserve"
    tool = "kserve"
    requires: frozenset[GroupKind] = frozenset({(GROUP, "InferenceService")})
    made_kinds = {
        "Model": frozenset(
            {
                *requires,
                *WAY_KINDS,
                ("policy", "PodDisruptionBudget"),
            }
        )
    }

    def unsupported(self, model: Model, /) -> Iterator[Unsupported]:
        """Storage URIs that cannot be mounted, replicas that follow requests, which KServe scales
        itself, and names that it has no room for."""
        yield from unmountable(model)
        yield from not_by_requests(model, self.name, "autoscaling")
        name = max((version.name for version in versions(model)), key=len)
        if len(name) > NAME_LIMIT:
            longest = NAME_LIMIT - len(name) + len(model.metadata.name)
            message = f"KServe has room for {longest} characters; choose a shorter one"
            yield Unsupported(("metadata", "name"), message)
        if name[0].isdigit():
            message = "KServe takes names that begin with a letter"
            yield Unsupported(("metadata", "name"), message)

    def render(self, platform: Platform, tenant: Tenant, model: Model, /) -> list[Object]:
        """An InferenceService for each version, and the route to them."""
        served = versions(model)
        services = [f"{version.name}-predictor" for version in served]
        return [
            *(self._service(platform, tenant, model, version) for version in served),
            *way(platform, tenant, model, services),
            *disruption_budget(model),
        ]

    def _service(
        self, platform: Platform, tenant: Tenant, model: Model, version: Version
    ) -> Object:
        scaling = model.spec.autoscaling if version.name == model.metadata.name else None
        pod = server_pod(platform, tenant, model, version, CONTAINER)
        predictor = {
            **pod,
            "labels": version_labels(model, version),
            "minReplicas": version.replicas,
            "maxReplicas": scaling.max_replicas if scaling else version.replicas,
        }
        annotations = {f"{GROUP}/autoscalerClass": "hpa" if scaling else "none"}
        if scaling:
            predictor |= {"scaleMetric": "cpu", "scaleTarget": scaling.by_cpu}
        queue = queue_labels(platform, tenant, gpu=model.spec.resources.gpu)
        spec = {"predictor": predictor}
        made = object_of("InferenceService", API, version.name, model, queue, spec=spec)
        made["metadata"]["annotations"] = annotations
        return made

    def pods(self, objects: Iterable[Object]) -> Iterator[PodCount]:
        """The replicas of each predictor."""
        for obj in objects:
            if obj["kind"] == "InferenceService":
                predictor = obj["spec"]["predictor"]
                yield PodCount(predictor["minReplicas"], predictor)

    def primary(self, model: Model, /) -> Primary:
        """The InferenceService."""
        return Primary(API, "InferenceService", model.metadata.name, model.metadata.namespace)

    def phase(self, live: Object, *, ready: bool, final: bool) -> Phase:
        """An InferenceService serves on."""
        if ready:
            return Phase.READY
        return Phase.FAILED if final else Phase.PENDING
