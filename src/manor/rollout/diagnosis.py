"""Why something does not run, and what to do: of what an engine made of a workload, or of a pod.

Told from what the cluster says for programs: conditions, the states of containers, exit codes, the
reasons of events. What it says in words alone is read in `objectset.refusals`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from manor.api.meta import one_line
from manor.api.status import Reason
from manor.kube import ApiError, Client, NotFound, Object, UnknownKind
from manor.limits import limits
from manor.objectset.kinds import DEPLOYMENT, JOB, kind_of
from manor.objectset.readiness import condition_of, readiness
from manor.objectset.refusals import refusal
from manor.rollout.evidence import (
    attempts_of,
    events_of,
    last_event,
    last_line,
    makers_of,
    pods_of,
)
from manor.rollout.queueing import place_in_queue, queue_of
from manor.rollout.symptoms import Symptom, worst

_REFUSED = ("FailedCreate", "FailedToCreateHeadPod", "FailedToCreateWorkerPod")
_MOUNT = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
_CLAIM = ("FailedBinding", "ProvisioningFailed")
_START = ("FailedCreatePodSandBox", "Unhealthy", "FailedPostStartHook")
"""Reasons of events: of a controller, of a volume's two halves, of a container that is late."""

ADVICE = {
    Reason.QUOTA_EXCEEDED: (
        "free something, ask for less, or have the team's quota raised; "
        "`manor describe tenant` shows what is used"
    ),
    Reason.REFUSED: "change what the message names; it is not made as it is",
    Reason.UNSCHEDULABLE: (
        "ask for less, or for what a node has; or wait until one has room, or is added"
    ),
    Reason.IMAGE_UNAVAILABLE: (
        "see that the image is there under this name, and that imagePullSecrets has the right to it"
    ),
    Reason.CONFIG_UNAVAILABLE: "make the Secret or ConfigMap that it names, with the key",
    Reason.VOLUME_UNAVAILABLE: "make what is missing, or correct the name in the spec",
    Reason.CRASHED: "correct the program or what it is given; `kubectl logs` has the whole log",
    Reason.QUEUED: "wait, or free what the team's others hold; `manor get queues` shows the queues",
    Reason.NOT_APPLIED: "`manor apply` makes it so; where an operator runs, see its log",
    Reason.FAILED: "mend what the message names, delete it, and apply it again",
}
"""What to do, by what is in the way."""


@dataclass(frozen=True)
class Diagnosis:
    """What is in an object's way."""

    reason: Reason
    message: str = ""
    """In one line, for a person."""
    advice: str = ""
    """What to do; empty where nothing is in its way."""
    unseen: str = ""
    """What the user may not see, so that there may be more to it."""

    @property
    def obstructed(self) -> bool:
        """Whether something is in its way that does not pass by itself at once."""
        return self.reason in ADVICE


def told(reason: Reason, message: str = "", advice: str = "") -> Diagnosis:
    """A diagnosis with the advice that its reason has, where there is no better."""
    return Diagnosis(reason, one_line(message), advice or ADVICE.get(reason, ""))


def refused(message: str) -> Diagnosis:
    """What a refusal by admission, in the server's words, tells."""
    said = refusal(message)
    if said.quota:
        return told(Reason.QUOTA_EXCEEDED, f"no room in quota {said.by}: {said.why}")
    by = f"refused by {said.by}: " if said.by else "refused: "
    return told(Reason.REFUSED, by + said.why)


async def diagnose(client: Client, obj: Object) -> Diagnosis:
    """What is in the way of a live object; Progressing where nothing that can be seen is.

    What the user may not read is said in `unseen`.
    """
    if not obj["metadata"].get("namespace"):
        return told(Reason.PROGRESSING)
    try:
        return await _diagnosis(client, obj)
    except (ApiError, UnknownKind) as error:
        return replace(_ended(obj) or told(Reason.PROGRESSING), unseen=one_line(str(error)))


async def in_words(client: Client, obj: Object) -> str:
    """Why an object of this name is not ready, in one line; empty where nothing is seen."""
    meta = obj["metadata"]
    try:
        live = await client.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
    except (ApiError, UnknownKind):
        return ""
    return (await diagnose(client, live)).message


async def _diagnosis(client: Client, obj: Object) -> Diagnosis:
    pods = [tries[-1] for tries in attempts_of(await pods_of(client, obj))]
    symptom = worst(pods)
    if symptom and symptom.reason not in (Reason.PROGRESSING, Reason.QUEUED):
        return await explained(client, symptom)
    if waits := await _queued(client, obj, symptom):
        return waits
    if _lacks_pods(obj, pods) and (no := await why_not_made(client, obj)):
        return no
    if ended := _ended(obj):
        return ended
    if symptom is None:
        return told(Reason.PROGRESSING, "" if pods else _last_warning(await events_of(client, obj)))
    return await explained(client, symptom)


async def explained(client: Client, symptom: Symptom) -> Diagnosis:
    """A symptom with what a log, a claim or an event adds to it."""
    pod, reason, message = symptom.pod, symptom.reason, symptom.message
    if symptom.container:
        line = await last_line(client, pod, symptom.container, previous=symptom.previous)
        message = f"{message}: {line}" if line else message
    elif reason is Reason.UNSCHEDULABLE:
        if missing := await _claims(client, pod):
            return missing
        message = f"no node takes it: {message}"
    elif symptom.starts:
        return await _start(client, pod)
    return told(reason, message, symptom.advice)


async def _start(client: Client, pod: Object) -> Diagnosis:
    """What holds a pod up whose node is at work on it."""
    events = await events_of(client, pod)
    if mount := last_event(events, _MOUNT, "Started"):
        return told(Reason.VOLUME_UNAVAILABLE, mount.get("message", ""))
    late = last_event(events, _START)
    return told(Reason.PROGRESSING, late.get("message", "") if late else "")


async def _claims(client: Client, pod: Object) -> Diagnosis | None:
    """The first of a pod's claims that is missing, or that nothing makes a volume for."""
    volumes = pod["spec"].get("volumes") or ()
    names = [
        v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v
    ]
    for name in names[: limits().rollout.claims]:
        try:
            claim = await client.get(
                "v1", "PersistentVolumeClaim", name, pod["metadata"]["namespace"]
            )
        except NotFound:
            return told(Reason.VOLUME_UNAVAILABLE, f"there is no volume claim {name}")
        if (claim.get("status") or {}).get("phase") == "Bound":
            continue
        if failed := last_event(await events_of(client, claim), _CLAIM):
            words = f"volume claim {name} is not bound: {failed.get('message')}"
            return told(Reason.VOLUME_UNAVAILABLE, words, "see the claim's storageClassName")
    return None


async def _queued(client: Client, obj: Object, symptom: Symptom | None) -> Diagnosis | None:
    """Its place in the queue, where it, or its pod, is held back."""
    held = symptom.pod if symptom and symptom.reason is Reason.QUEUED else None
    if held is None and (symptom or not queue_of(obj)):
        return None
    place = await place_in_queue(client, obj) if queue_of(obj) else ""
    if not place and held is not None and held is not obj:
        place = await place_in_queue(client, held)
    if place:
        return told(Reason.QUEUED, place)
    return told(Reason.QUEUED, symptom.message) if symptom and held is not None else None


async def why_not_made(client: Client, obj: Object) -> Diagnosis | None:
    """Why pods of it, or runs of a schedule, are not made."""
    for maker in await makers_of(client, obj):
        failure = condition_of(maker, "ReplicaFailure")
        if failure.get("status") == "True":
            return refused(failure.get("message", ""))
        if kind_of(maker) == DEPLOYMENT:  # all that it says is in its conditions
            continue
        if no := last_event(await events_of(client, maker), _REFUSED, "SuccessfulCreate"):
            return refused(no.get("message", ""))
    return None


def _lacks_pods(obj: Object, pods: list[Object]) -> bool:
    """Whether pods may still have to be made."""
    spec = obj.get("spec") or {}
    wanted = spec.get("parallelism", 1) if kind_of(obj) == JOB else spec.get("replicas")
    return not pods or (wanted is not None and len(pods) < int(wanted))


def _ended(obj: Object) -> Diagnosis | None:
    """Why an object says of itself that nothing brings it further."""
    state = readiness(obj, jobs=True)
    return told(Reason.FAILED, state.reason) if state.final else None


def _last_warning(events: Iterable[Object]) -> str:
    warnings = [event for event in events if event.get("type") == "Warning"]
    return f"{warnings[-1].get('reason')}: {warnings[-1].get('message')}" if warnings else ""
