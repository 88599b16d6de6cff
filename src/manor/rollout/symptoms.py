"""What a pod's own status says is in its way; nothing is asked of anybody."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from manor.api.status import Reason
from manor.kube import Object
from manor.objectset.refusals import unscheduled

IMAGE = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError"})
STARTING = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons of a container's state `waiting`, as the kubelet writes them."""

_ORDER = (
    Reason.CRASHED,
    Reason.IMAGE_UNAVAILABLE,
    Reason.CONFIG_UNAVAILABLE,
    Reason.UNSCHEDULABLE,
    Reason.QUEUED,
    Reason.PROGRESSING,
    Reason.RUNNING,
)
"""Of several pods the one that stands first is told of."""


@dataclass(frozen=True)
class Symptom:
    """What is in a pod's way, as far as its status says it."""

    pod: Object
    reason: Reason
    message: str = ""
    container: str = ""
    """The container whose log says more."""
    previous: bool = False
    """Whether its last run's log does."""
    advice: str = ""
    """What to do, where it is another thing than for others of this reason."""

    @property
    def starts(self) -> bool:
        """Whether its node is at work on it: events tell what holds that up."""
        return self.reason is Reason.PROGRESSING and not self.container


def worst(pods: Iterable[Object]) -> Symptom | None:
    """What is most in the way of these pods; None where all run, or have ended well."""
    found = [symptom for pod in pods if (symptom := symptom_of(pod))]
    return min(found, key=lambda symptom: _ORDER.index(symptom.reason), default=None)


def symptom_of(pod: Object) -> Symptom | None:
    """What is in the way of one pod; None where it runs and is ready, or has ended well."""
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return None
    for container in _containers(status):
        if found := _container(pod, container):
            return found
    if status.get("phase") == "Failed":
        words = ": ".join(text for text in (status.get("reason"), status.get("message")) if text)
        return Symptom(pod, Reason.CRASHED, f"its node ended the pod: {words or 'no reason told'}")
    if placed := _placed(pod, status):
        return placed
    return _on_its_way(pod, status)


def _containers(status: Object) -> Iterator[Object]:
    for part in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(part) or ()


def _container(pod: Object, status: Object) -> Symptom | None:
    """What is in a container's way for good."""
    name, state = status["name"], status.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, said = waiting.get("reason", ""), waiting.get("message", "")
    if reason in IMAGE:
        words = f"container {name}: image {status.get('image')}: {said or reason}"
        return Symptom(pod, Reason.IMAGE_UNAVAILABLE, words)
    if reason in CONFIG:
        return Symptom(pod, Reason.CONFIG_UNAVAILABLE, f"container {name}: {said or reason}")
    if ended := state.get("terminated"):
        return _ended(pod, name, ended, previous=False) if ended.get("exitCode") else None
    last = (status.get("lastState") or {}).get("terminated") or {}
    if last and (last.get("exitCode") or reason == "CrashLoopBackOff") and not status.get("ready"):
        return _ended(pod, name, last, previous=True)
    return None


def _ended(pod: Object, name: str, ended: Object, *, previous: bool) -> Symptom:
    words = f"container {name} ended with exit code {ended.get('exitCode', 0)}"
    if ended.get("reason") == "OOMKilled":
        words += " (OOMKilled: it took more memory than its limit)"
        return Symptom(pod, Reason.CRASHED, words, name, previous, "give it more memory")
    lines = str(ended.get("message") or "").split("\n")
    if told := next((line.strip() for line in reversed(lines) if line.strip()), ""):
        return Symptom(pod, Reason.CRASHED, f"{words}: {told}")
    return Symptom(pod, Reason.CRASHED, words, name, previous)


def _placed(pod: Object, status: Object) -> Symptom | None:
    """Why a pod has no node."""
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    placed = conditions.get("PodScheduled") or {}
    if placed.get("status") != "False":
        return None
    if placed.get("reason") == "SchedulingGated":
        gates = [gate["name"] for gate in pod["spec"].get("schedulingGates") or ()]
        return Symptom(pod, Reason.QUEUED, f"held back by {', '.join(gates)}")
    return Symptom(pod, Reason.UNSCHEDULABLE, unscheduled(placed.get("message", "")))


def _on_its_way(pod: Object, status: Object) -> Symptom | None:
    """A pod that nothing stops: what it is at."""
    for init in status.get("initContainerStatuses") or ():
        if "running" in (init.get("state") or {}) and not init.get("started"):
            return Symptom(pod, Reason.PROGRESSING, init["name"], container=init["name"])
    containers = status.get("containerStatuses") or ()
    states = [(one["name"], one.get("state") or {}) for one in containers]
    left = [name for name, state in states if "running" in state]
    if left and any("terminated" in state for _, state in states):
        return Symptom(pod, Reason.RUNNING, left[0], container=left[0])
    unready = [one for one in containers if not one.get("ready")]
    if not unready and status.get("phase") == "Running":
        return None
    return Symptom(pod, Reason.PROGRESSING)
