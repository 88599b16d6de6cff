"""Ray: a TrainingJob as a RayJob, whose command runs on every node of a cluster made for it.

The head is the first worker. Source: KubeRay's documentation, "RayJob"; API ray.io/v1.
"""

import math
import shlex
from collections.abc import Iterable, Iterator

from manor.api import Platform, Tenant, TrainingJob
from manor.api.quantity import parse
from manor.api.wellknown import INSTANCE_LABEL
from manor.api.workload import APP_PATH
from manor.engines.owned import object_of
from manor.engines.pods import container_security_context, env, pod_spec
from manor.engines.protocol import GroupKind, Phase, PodCount, Primary, Unsupported
from manor.engines.queues import queue_labels
from manor.engines.ray.launcher import SCRIPT
from manor.engines.worker import environment, files, worker_pod
from manor.render.labels import WORKERS
from manor.render.objects import Object

GROUP = "ray.io"
API = f"{GROUP}/v1"
RAY_VERSION = "2.53.0"
"""The least that tells of its health without programs that its image may lack (it knows tokens from
2.52 on); the image's own may be newer."""
NAME_LIMIT = 47
"""KubeRay refuses longer names of RayJobs."""
LEAST_MEMORY = "1Gi"
"""What Ray itself takes of a node's memory, and little more."""
LAUNCHER_PATH = "/launcher"


class Ray:
    """TrainingJobs by KubeRay; the image has Ray in it."""

    name = "ray"
    tool = "kuberay"
    requires: frozenset[GroupKind] = frozenset({(GROUP, "RayJob")})
    made_kinds = {"TrainingJob": frozenset({*requires, ("", "ConfigMap")})}

    def unsupported(self, job: TrainingJob, /) -> Iterator[Unsupported]:
        """A time to live, a schedule, a sweep, outputs, long names, and workers without room for
        Ray."""
        spec = job.spec
        if len(job.metadata.name) > NAME_LIMIT:
            message = f"KubeRay has room for {NAME_LIMIT} characters; choose a shorter one"
            yield Unsupported(("metadata", "name"), message)
        if spec.ttl_seconds_after_finished is not None:
            message = "KubeRay keeps jobs that have ended; delete it when it is not needed"
            yield Unsupported(("spec", "ttlSecondsAfterFinished"), message)
        if spec.schedule is not None:
            message = "a RayJob runs once; have the Platform run TrainingJobs by the engine native"
            yield Unsupported(("spec", "schedule"), message)
        if spec.sweep is not None:
            message = "a RayJob has no trials; give Ray Tune the parameters, in the command"
            yield Unsupported(("spec", "sweep"), message)
        if spec.outputs:
            message = "a RayJob's nodes outlast its command; let that store what it writes"
            yield Unsupported(("spec", "outputs"), message)
        if parse(spec.resources.memory) < parse(LEAST_MEMORY):
            message = f"Ray itself takes most of {LEAST_MEMORY}; write more than that"
            yield Unsupported(("spec", "resources", "memory"), message)

    def render(self, platform: Platform, tenant: Tenant, job: TrainingJob, /) -> list[Object]:
        """A RayJob with its cluster; the launcher and the files in ConfigMaps."""
        spec, name = job.spec, job.metadata.name
        folder = APP_PATH if spec.has_code else "/tmp"  # noqa: S108 - the pod's own emptyDir
        arguments = [str(spec.workers), str(spec.resources.gpu), folder, *spec.command]
        described: Object = {
            "entrypoint": shlex.join(["python3", f"{LAUNCHER_PATH}/launch.py", *arguments]),
            "backoffLimit": spec.retries,
            "shutdownAfterJobFinishes": True,
            "submitterPodTemplate": self._submitter(platform, job),
            "rayClusterSpec": self._cluster(platform, tenant, job),
        }
        if spec.timeout_seconds is not None:
            described["activeDeadlineSeconds"] = spec.timeout_seconds
        queue = queue_labels(platform, tenant, gpu=spec.resources.gpu, queue=spec.queue)
        launcher = {"launch.py": SCRIPT}
        return [
            *files(job),
            object_of("ConfigMap", "v1", f"{name}-launcher", job, data=launcher),
            object_of("RayJob", API, name, job, queue, spec=described),
        ]

    def _cluster(self, platform: Platform, tenant: Tenant, job: TrainingJob) -> Object:
        spec = job.spec
        node = worker_pod(platform, tenant, job, "ray", env(environment(job)))
        (container,) = node["containers"]
        del container["command"]  # KubeRay writes how Ray starts
        node.pop("shareProcessNamespace", None)  # it adds containers that would share it
        head = {
            **node,
            "containers": [
                {
                    **container,
                    "volumeMounts": [
                        *container["volumeMounts"],
                        {"name": "launcher", "mountPath": LAUNCHER_PATH, "readOnly": True},
                    ],
                }
            ],
            "volumes": [
                *node["volumes"],
                {"name": "launcher", "configMap": {"name": f"{job.metadata.name}-launcher"}},
            ],
        }
        # Without a limit on CPU Ray would count the whole machine's.
        parameters = {"num-cpus": str(math.ceil(parse(spec.resources.cpu)))}
        cluster: Object = {
            "rayVersion": RAY_VERSION,
            "authOptions": {"mode": "token"},
            "headGroupSpec": {"rayStartParams": parameters, "template": self._template(job, head)},
        }
        if others := spec.workers - 1:
            group = {"groupName": "workers", "replicas": others, "minReplicas": others}
            group |= {"maxReplicas": others, "rayStartParams": parameters}
            cluster["workerGroupSpecs"] = [{**group, "template": self._template(job, node)}]
        return cluster

    def _submitter(self, platform: Platform, job: TrainingJob) -> Object:
        """The pod that hands the job in and prints what it says."""
        amounts = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}}
        container: Object = {
            "name": "ray-job-submitter",
            "image": job.spec.image or platform.spec.images.training,
            "env": env({"HOME": "/tmp"}),  # noqa: S108 - the pod's own emptyDir
            "resources": amounts,
            "securityContext": container_security_context(),
        }
        fields: Object = {"restartPolicy": "Never"}
        if job.spec.image_pull_secrets:
            secrets = [{"name": secret} for secret in job.spec.image_pull_secrets]
            fields["imagePullSecrets"] = secrets
        return self._template(job, pod_spec([container], [], **fields))

    def _template(self, job: TrainingJob, pod: Object) -> Object:
        # KubeRay finds its pods by app.kubernetes.io/name, which is no one else's to write.
        own = {**WORKERS, INSTANCE_LABEL: job.metadata.name}
        return {"metadata": {"labels": own}, "spec": pod}

    def pods(self, objects: Iterable[Object]) -> Iterator[PodCount]:
        """The head, the other workers, and what hands the job in."""
        for obj in objects:
            if obj["kind"] == "RayJob":
                cluster = obj["spec"]["rayClusterSpec"]
                yield PodCount(1, cluster["headGroupSpec"]["template"]["spec"])
                for group in cluster.get("workerGroupSpecs", ()):
                    yield PodCount(group["replicas"], group["template"]["spec"])
                yield PodCount(1, obj["spec"]["submitterPodTemplate"]["spec"])

    def primary(self, job: TrainingJob, /) -> Primary:
        """The RayJob."""
        return Primary(API, "RayJob", job.metadata.name, job.metadata.namespace)

    def phase(self, live: Object, *, ready: bool, final: bool) -> Phase:
        """A RayJob ends, and waits suspended in its queue."""
        if ready or final:
            return Phase.COMPLETE if ready else Phase.FAILED
        stage = (live.get("status") or {}).get("jobDeploymentStatus", "")
        if stage.startswith("Suspend"):
            return Phase.SUSPENDED
        return Phase.RUNNING if stage == "Running" else Phase.PENDING
