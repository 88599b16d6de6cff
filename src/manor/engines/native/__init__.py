"""The native engine: a TrainingJob or Workspace as a Job, or as the CronJob of its schedule, a
Model as a Deployment behind a route, with nothing else installed."""

from collections.abc import Iterable, Iterator

from manor.api import Model, Platform, Tenant, TrainingJob, Workload, Workspace
from manor.engines.native import serving, training, workspace
from manor.engines.protocol import GroupKind, Phase, PodCount, Primary, Unsupported
from manor.engines.route import WAY_KINDS
from manor.engines.server import unmountable
from manor.render.labels import is_workspace
from manor.render.objects import Object


class Native:
    """Every workload in the kinds that Kubernetes and the Gateway API have."""

    name = "native"
    tool = ""
    requires: frozenset[GroupKind] = frozenset()
    made_kinds = {
        "TrainingJob": frozenset(
            {
                ("", "ConfigMap"),
                ("", "Service"),
                ("batch", "CronJob"),
                ("batch", "Job"),
            }
        ),
        "Workspace": frozenset(
            {("", "ConfigMap"), ("", "PersistentVolumeClaim"), ("batch", "Job")},
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
        """Storage URIs that cannot be mounted."""
        if isinstance(workload, Model):
            yield from unmountable(workload)

    def render(self, platform: Platform, tenant: Tenant, workload: Workload, /) -> list[Object]:
        """The objects that run the workload."""
        match workload:
            case TrainingJob():
                return training.training_job(platform, tenant, workload)
            case Model():
                return serving.model(platform, tenant, workload)
            case Workspace():
                return workspace.workspace(platform, tenant, workload)

    def pods(self, objects: Iterable[Object]) -> Iterator[PodCount]:
        """A Job's at once, of a CronJob those of one run, a Deployment's replicas."""
        for obj in objects:
            spec = obj.get("spec", {})
            spec = spec.get("jobTemplate", {}).get("spec", spec)
            if template := spec.get("template"):
                count = spec.get("parallelism") or spec.get("replicas") or 1
                yield PodCount(count, template["spec"])

    def primary(self, workload: Workload, /) -> Primary:
        """The Job, the CronJob or the Deployment."""
        api_version, kind = "batch/v1", "Job"
        if isinstance(workload, Model):
            api_version, kind = "apps/v1", "Deployment"
        elif isinstance(workload, TrainingJob) and workload.spec.schedule:
            kind = "CronJob"
        return Primary(api_version, kind, workload.metadata.name, workload.metadata.namespace)

    def phase(self, live: Object, *, ready: bool, final: bool) -> Phase:
        """A Job ends, and may wait suspended in its queue; a CronJob makes Jobs unless it is
        suspended; a Deployment serves on, and so does a Workspace until it ends."""
        if live["kind"] == "CronJob":
            return Phase.STOPPED if live["spec"].get("suspend") else Phase.SCHEDULED
        counts, serves = live.get("status") or {}, is_workspace(live)
        if ready:
            ended = Phase.STOPPED if serves else Phase.COMPLETE
            return ended if live["kind"] == "Job" else Phase.READY
        if live["spec"].get("suspend"):
            return Phase.SUSPENDED
        if final:
            return Phase.FAILED
        # Trials go on without each other; workers do not, and have a bound for that.
        bounds = live["spec"].keys() & {"backoffLimitPerIndex", "maxFailedIndexes"}
        trials = bounds == {"backoffLimitPerIndex"}
        if not (
            counts.get("ready") or (trials and (counts.get("succeeded") or counts.get("failed")))
        ):
            return Phase.PENDING
        return Phase.READY if serves else Phase.RUNNING
