"""The native engine: a TrainingJob as a Job, a Model as a Deployment behind a route, with nothing
else installed."""

from collections.abc import Iterable, Iterator

from manor.api import Model, Platform, Tenant, TrainingJob, Workload
from manor.engines.native import serving, training
from manor.engines.protocol import GroupKind, Phase, PodCount, Primary, Unsupported
from manor.engines.route import WAY_KINDS
from manor.engines.server import unmountable
from manor.render.objects import Object


class Native:
    """TrainingJobs and Models in the kinds that Kubernetes and the Gateway API have."""

    name = "native"
    tool = ""
    requires: frozenset[GroupKind] = frozenset()
    made_kinds = {
        "TrainingJob": frozenset(
            {
                ("", "ConfigMap"),
                ("", "Service"),
                ("batch", "Job"),
            }
        ),
        "Model": frozenset(
            {
                *WAY_KINDS,
                *(("", "Service"), ("apps", "Deployment")),
                *(("autoscaling", "HorizontalPodAutoscaler"), ("policy", "PodDisruptionBudget")),
            }
        ),
    }

    def unsupported(self, workload: Workload, /) -> Iterator[Unsupported]:
        """Storage URIs that are neither a volume claim nor an image."""
        if isinstance(workload, Model):
            yield from unmountable(workload, "native")

    def render(self, platform: Platform, tenant: Tenant, workload: Workload, /) -> list[Object]:
        """The objects that run the workload."""
        match workload:
            case TrainingJob():
                return training.training_job(platform, tenant, workload)
            case Model():
                return serving.model(platform, tenant, workload)

    def pods(self, objects: Iterable[Object]) -> Iterator[PodCount]:
        """A Job's at once, a Deployment's replicas."""
        for obj in objects:
            if template := obj.get("spec", {}).get("template"):
                count = obj["spec"].get("parallelism") or obj["spec"].get("replicas") or 1
                yield PodCount(count, template["spec"])

    def primary(self, workload: Workload, /) -> Primary:
        """The Job or the Deployment."""
        api_version, kind = (
            ("batch/v1", "Job") if isinstance(workload, TrainingJob) else ("apps/v1", "Deployment")
        )
        return Primary(api_version, kind, workload.metadata.name, workload.metadata.namespace)

    def phase(self, live: Object, *, ready: bool, final: bool) -> Phase:
        """A Job ends, and may wait suspended in its queue; a Deployment serves on."""
        if ready:
            return Phase.COMPLETE if live["kind"] == "Job" else Phase.READY
        if live["spec"].get("suspend"):
            return Phase.SUSPENDED
        if final:
            return Phase.FAILED
        return Phase.RUNNING if (live.get("status") or {}).get("ready") else Phase.PENDING
