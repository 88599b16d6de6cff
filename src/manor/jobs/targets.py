"""What a person means by the name of a job or workspace, `model/NAME` or `pod/NAME`: the pods
behind it."""

from contextlib import suppress
from dataclasses import dataclass

from manor.api import Workload, kinds
from manor.api.platform import Engines
from manor.engines import Phase, engine_for
from manor.errors import ManorError
from manor.kube import Client, NotFound, Object
from manor.nouns import singular
from manor.rollout import Standing, standing
from manor.rollout.evidence import index_of, pods_of
from manor.state import NoSuchWorkload, read_workload

_JOB = "batch.kubernetes.io/job-name"
ENDED = (Phase.COMPLETE, Phase.FAILED, Phase.STOPPED, Phase.SCHEDULED)
"""Where nothing of it goes on."""
_KINDS = {
    "job": kinds.TRAINING_JOB.kind,
    "workspace": kinds.WORKSPACE.kind,
    "model": kinds.MODEL.kind,
}
_NAMED = ("job", "workspace")
"""What a name alone may be of, in this order; no two of them have one name, as both become a Job,
but for a schedule."""


class NoSuchTarget(ManorError):
    """There is nothing of that name, or no pod of it; the message says which."""


@dataclass(frozen=True)
class Run:
    """A workload on the cluster, by whichever engine."""

    client: Client
    workload: Workload
    engines: Engines

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self.workload.metadata.namespace

    @property
    def name(self) -> str:
        """What it is called."""
        return self.workload.metadata.name

    async def standing(self) -> Standing:
        """How it stands, and why it is no further."""
        return await standing(self.client, self.workload, self.engines)

    async def pods(self) -> list[Object]:
        """Its pods, the oldest first; of a schedule those of its newest run."""
        primary = engine_for(self.workload.kind, self.engines).primary(self.workload)
        try:
            live = await self.client.get(
                primary.api_version, primary.kind, primary.name, primary.namespace
            )
        except NotFound:
            return []
        return await pods_of(self.client, live)

    async def workers(self, number: int) -> list[Object]:
        """The pods that are, or were, worker `number`, the oldest first."""
        pods = await self.pods()
        if self.workload.kind == kinds.MODEL.kind:
            return pods[number : number + 1]
        return [pod for pod in pods if worker_of(pod) == number]


async def find(client: Client, target: str, namespace: str) -> Run:
    """The job or workspace of a name, or what `job/NAME`, `workspace/NAME` or `model/NAME` is.
    NoSuchTarget."""
    kind, _, name = target.rpartition("/")
    kind = singular(kind)
    if kind and kind not in _KINDS:
        raise NoSuchTarget(f"{target}: name a job or a workspace, or model/NAME")
    for one in [kind] if kind else _NAMED:
        with suppress(NoSuchWorkload):
            known = await read_workload(client, _KINDS[one], name, namespace)
            engines = known.platform.spec.engines if known.platform else Engines()
            return Run(client, known.workloads[0], engines)
    message = f"there is no {kind or 'job'} {name} in namespace {namespace}"
    raise NoSuchTarget(f"{message}; `manor get {kind or 'job'}s -n {namespace}` lists them")


async def running_pod(client: Client, target: str, namespace: str, worker: int = 0) -> Object:
    """The pod of `pod/NAME`, or the newest of a worker of a job or model, which runs.
    NoSuchTarget."""
    kind, _, name = target.rpartition("/")
    if singular(kind) == "pod":
        return await client.get("v1", "Pod", name, namespace)
    run = await find(client, target, namespace)
    pods = [pod for pod in await run.workers(worker) if _runs(pod)]
    if not pods:
        stands = await run.standing()
        why = f" ({stands.reason})" if stands.reason else ""
        message = f"worker {worker} of {target} does not run: {stands.phase.value}{why}"
        raise NoSuchTarget(message)
    return pods[-1]


def worker_of(pod: Object) -> int | None:
    """Which worker of a TrainingJob a pod is, by whichever engine; None of a pod that runs none of
    its command, or tells nothing of it."""
    if (index := index_of(pod)) is not None:
        return index
    # What hands a RayJob in prints what the job says.
    return 0 if _JOB in (pod["metadata"].get("labels") or {}) else None


def container_of(pod: Object) -> str:
    """The container that does the work."""
    return str(pod["spec"]["containers"][0]["name"])


def has_started(pod: Object) -> bool:
    """Whether its container has a log."""
    name = container_of(pod)
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status["name"] == name:
            state = status.get("state") or {}
            return "running" in state or "terminated" in state or bool(status.get("lastState"))
    return False


def exit_code(pod: Object) -> int | None:
    """How its container ended; None where it has not."""
    name = container_of(pod)
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (status.get("state") or {}).get("terminated")
        if status["name"] == name and ended:
            return int(ended["exitCode"])
    return None


def _runs(pod: Object) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Running")
