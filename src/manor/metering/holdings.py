"""What a pod or a volume claim holds, from when to when, as the object itself says."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from manor.api import kinds
from manor.api.platform import GpuSettings
from manor.api.quantity import parse
from manor.api.wellknown import (
    COMPONENT_LABEL,
    CREATED_BY,
    INSTANCE_LABEL,
    NAME_LABEL,
    REQUESTED_BY,
)
from manor.engines.review import pod_amounts
from manor.metering.accounts import Amounts, Holder, Holding, moment_of
from manor.objectset.kinds import PERSISTENT_VOLUME_CLAIM, kind_of
from manor.objectset.references import controller_of

Object = dict[str, Any]

POD = ("", "Pod")
CLAIM = PERSISTENT_VOLUME_CLAIM
_NAME = 160
"""Characters of a workload's name that are kept."""
_PERSON = 100
"""Bytes of a person's name that are kept."""
_MANORS = {info.singular: info.kind for info in kinds.WORKLOADS}
_MILLION = 1_000_000


class Person(NamedTuple):
    """Who asked for something."""

    name: str
    """Empty where nobody says."""
    vouched: bool
    """Whether the API server says so, or the team."""


def holding_of(obj: Object, gpu: GpuSettings, person: Person | None = None) -> Holding | None:
    """What the object holds; None where it holds nothing yet. A pod holds what it requests, from
    when it was scheduled until it ended; a claim its volume, while it is bound. `person` asked for
    the workload that it belongs to; where nobody is known, whom the object itself names."""
    kind, name = workload_of(obj)
    workload = f"{kind} {obj['metadata']['namespace']}/{name}"[:_NAME]
    if person is None or not person.name:
        person = Person(_told(obj["metadata"]), vouched=False)
    holder = Holder(person.name, workload, person.vouched)
    return _of_pod(obj, gpu, holder) if kind_of(obj) == POD else _of_claim(obj, holder)


def requester_of(metadata: Mapping[str, Any]) -> Person:
    """Who asked for a workload: as the API server noted, or else as its team says."""
    if noted := (metadata.get("annotations") or {}).get(REQUESTED_BY):
        return Person(_shown(noted), vouched=True)
    return Person(_told(metadata), vouched=False)


def _told(metadata: Mapping[str, Any]) -> str:
    """Who made an object, as its team says in an annotation or, where a name may be a label's
    value, in a label; empty where it does not say."""
    said = [(metadata.get(field) or {}).get(CREATED_BY) for field in ("annotations", "labels")]
    return _shown(next(filter(None, said), ""))


def _shown(name: str) -> str:
    return "".join(filter(str.isprintable, name)).encode()[:_PERSON].decode(errors="ignore")


def _of_pod(pod: Object, gpu: GpuSettings, holder: Holder) -> Holding | None:
    start = _scheduled(pod)
    if start is None:
        return None
    return Holding(holder, _requests(pod["spec"], gpu), start, _ended(pod, start))


def _of_claim(claim: Object, holder: Holder) -> Holding | None:
    """From when it was made: no claim says since when it is bound."""
    status = claim.get("status") or {}
    if status.get("phase") != "Bound":
        return None
    size = parse(str((status.get("capacity") or {}).get("storage", "0")))
    made = moment_of(claim["metadata"]["creationTimestamp"])
    return Holding(holder, Amounts(storage=int(size / 1024)), made)


def _requests(spec: Object, gpu: GpuSettings) -> Amounts:
    asked = pod_amounts(spec)

    def of(name: str) -> Decimal:
        return asked.get(f"requests.{name}", Decimal(0))

    gpus = gpu.gpus_in({name: int(of(name)) for name in gpu.resource_names})
    return Amounts(int(of("cpu") * 1000), int(of("memory") / 1024), int(gpus * _MILLION))


def _scheduled(pod: Object) -> int | None:
    """When a node was found for the pod; None before."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "True":
            return _moment(condition.get("lastTransitionTime"), pod)
    if not pod["spec"].get("nodeName"):
        return None
    return _moment((pod.get("status") or {}).get("startTime"), pod)


def _ended(pod: Object, start: int) -> int | None:
    """When the last of its containers ended, or the last thing was said of it; None before. By the
    object alone, so that it is the same whenever somebody looks."""
    status = pod.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return None
    containers = [
        (one.get("state") or {}).get("terminated") or {}
        for kind in ("containerStatuses", "initContainerStatuses")
        for one in status.get(kind) or ()
    ]
    finished = [one["finishedAt"] for one in containers if one.get("finishedAt")]
    turned = [
        one["lastTransitionTime"]
        for one in status.get("conditions") or ()
        if one.get("lastTransitionTime")
    ]
    return max([start, *map(moment_of, finished or turned)])


def _moment(text: str | None, obj: Object) -> int:
    return moment_of(text or obj["metadata"]["creationTimestamp"])


def workload_of(obj: Object) -> tuple[str, str]:
    """Kind and name of what the object belongs to, as its labels say: a workload of Manor's, what
    controls it, or itself."""
    meta = obj["metadata"]
    labels: Mapping[str, str] = meta.get("labels") or {}
    kind = _MANORS.get(labels.get(COMPONENT_LABEL, ""))
    if kind and NAME_LABEL in labels:
        # KubeRay's pods are called after KubeRay; a Model's instance is its version.
        is_run = kind == kinds.TRAINING_JOB.kind
        return kind, (is_run and labels.get(INSTANCE_LABEL)) or labels[NAME_LABEL]
    if owner := controller_of(obj):
        if owner["kind"] == "ReplicaSet":  # a roll-out makes another one of the same Deployment
            return "Deployment", owner["name"].rpartition("-")[0] or owner["name"]
        return owner["kind"], owner["name"]
    return obj["kind"], meta["name"]
