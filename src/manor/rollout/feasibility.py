"""Could a pod like this run? Asked before it is made, as whoever would make it; nothing is written.

The API server answers first, by a dry run: rights, policies, the quota. Then what stands behind it:
the volumes it names, room for all of its like, its queue, and the nodes.
"""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

from manor.api.quantity import canonical, parse
from manor.api.status import Reason
from manor.api.wellknown import KUEUE_API as KUEUE
from manor.engines.review import pod_amounts
from manor.errors import ManorError
from manor.kube import ApiError, Client, Forbidden, NotFound, Object, UnknownKind
from manor.limits import limits
from manor.objectset.refusals import is_by_admission
from manor.rollout.diagnosis import Diagnosis, refused, told
from manor.rollout.queueing import queue_of
from manor.rollout.selection import tolerates, wants_node

_ALIVE = "status.phase!=Succeeded,status.phase!=Failed"
Amounts = dict[str, Decimal]


class NoPod(ManorError):
    """An object that no pod comes of."""


def pod_like(obj: Object, namespace: str) -> tuple[Object, int]:
    """The pod that comes of an object, in `namespace` where it names none, and how many of it run
    at once. NoPod where none does."""
    obj = _mapping("the document", obj)
    spec, meta = (_mapping(field, obj.get(field)) for field in ("spec", "metadata"))
    template = obj if obj.get("kind") == "Pod" else spec.get("template")
    template = template if isinstance(template, dict) else {}
    inner = template.get("spec")
    if not isinstance(inner, dict) or "containers" not in inner:
        what = f"{obj.get('kind')} {meta.get('name', '')}".strip()
        raise NoPod(f"{what}: no pod comes of it; give a Pod, or an object with spec.template")
    made = _mapping("metadata", template.get("metadata"))
    kept = {key: found for key in _KEPT if (found := _mapping(f"metadata.{key}", made.get(key)))}
    labels = {**_mapping("metadata.labels", meta.get("labels")), **kept.get("labels", {})}
    place = str(meta.get("namespace") or namespace)
    # A name of its own: one that is there already stands in nobody's way.
    meta = {**kept, "labels": labels, "generateName": "could-run-", "namespace": place}
    pod_spec = {**inner}
    if obj.get("kind") == "Job":
        pod_spec.setdefault("restartPolicy", "Never")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod_spec}
    count = spec.get("parallelism") or spec.get("replicas") or 1
    if not isinstance(count, int):
        raise NoPod(f"{count!r} is no number of pods; write a whole number")
    return pod, count


_KEPT = ("labels", "annotations")


def _mapping(field: str, value: object) -> Object:
    """A part of an object of which nobody knows yet whether it is one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NoPod(f"{field} must be a mapping (name: value)")
    return value


async def could_run(client: Client, pod: Object, count: int = 1) -> Diagnosis:
    """What would be in the way of `count` pods like this; Progressing where nothing is seen."""
    try:
        made = await client.create(pod, dry_run=True)
    except ApiError as error:  # a policy says Invalid, a quota and a webhook Forbidden
        if is_by_admission(error.message):
            return refused(error.message)
        if isinstance(error, Forbidden):
            advice = "have somebody with the right to it make it"
            return told(Reason.REFUSED, error.message, advice)
        return told(Reason.REFUSED, error.message, "correct what the message names")
    unseen: list[str] = []
    message = ""
    for look in (_volumes, _room, _queue, _node):
        try:
            found = await look(client, made, count)
        except (ApiError, UnknownKind) as error:
            unseen.append(str(error))
            continue
        if found.obstructed:
            return replace(found, unseen="; ".join(unseen))
        message = found.message
    return Diagnosis(Reason.PROGRESSING, message, unseen="; ".join(unseen))


async def _volumes(client: Client, pod: Object, _count: int) -> Diagnosis:
    volumes = pod["spec"].get("volumes") or ()
    claims = [
        v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v
    ]
    for name in claims[: limits().rollout.claims]:
        try:
            await client.get("v1", "PersistentVolumeClaim", name, pod["metadata"]["namespace"])
        except NotFound:
            return told(Reason.VOLUME_UNAVAILABLE, f"there is no volume claim {name}")
    return told(Reason.PROGRESSING)


async def _room(client: Client, pod: Object, count: int) -> Diagnosis:
    """The quota, for all of them: the dry run was for one."""
    asked = {name: amount * count for name, amount in pod_amounts(pod["spec"]).items()}
    asked["pods"] = Decimal(count)
    for quota in await client.list("v1", "ResourceQuota", pod["metadata"]["namespace"]):
        status = quota.get("status") or {}
        used = status.get("used") or {}
        for name, hard in (status.get("hard") or {}).items():
            wanted = asked.get(name, asked.get(f"requests.{name}", Decimal(0)))
            if wanted and parse(used.get(name, "0")) + wanted > parse(hard):
                words = (
                    f"no room in quota {quota['metadata']['name']}: {name}: "
                    f"{canonical(wanted, binary='memory' in name)} asked for, "
                    f"{used.get(name, '0')} of {hard} used"
                )
                return told(Reason.QUOTA_EXCEEDED, words)
    return told(Reason.PROGRESSING)


async def _queue(client: Client, pod: Object, _count: int) -> Diagnosis:
    name, namespace = queue_of(pod), pod["metadata"]["namespace"]
    if not name:
        return told(Reason.PROGRESSING)
    try:
        queue = await client.get(KUEUE, "LocalQueue", name, namespace)
    except NotFound:
        there = [
            one["metadata"]["name"] for one in await client.list(KUEUE, "LocalQueue", namespace)
        ]
        words = f"there is no queue {name}; there are: {', '.join(there) or 'none'}"
        return told(Reason.QUEUED, words, "name one of these queues")
    waiting = (queue.get("status") or {}).get("pendingWorkloads") or 0
    if waiting:
        return told(Reason.QUEUED, f"{waiting} wait in queue {name}, and it would be behind them")
    return told(Reason.PROGRESSING)


async def _node(client: Client, pod: Object, _count: int) -> Diagnosis:
    """Whether a node takes one such pod now."""
    nodes = await client.list("v1", "Node")
    held: dict[str, Amounts] = defaultdict(lambda: defaultdict(Decimal))
    try:
        others, seen = await client.list("v1", "Pod", field_selector=_ALIVE), True
    except Forbidden:
        others, seen = [], False
    for other in others:
        for name, amount in _requests(other["spec"]).items():
            held[other["spec"].get("nodeName", "")][name] += amount
    why: dict[str, int] = defaultdict(int)
    for node in nodes:
        obstacle = _obstacle(pod, node, held[node["metadata"]["name"]])
        if not obstacle:
            room = "has room" if seen else "would have room if nothing else ran on it"
            return told(Reason.PROGRESSING, f"node {node['metadata']['name']} {room}")
        why[obstacle] += 1
    words = ", ".join(f"{number} {obstacle}" for obstacle, number in why.items())
    return told(Reason.UNSCHEDULABLE, f"no node takes it: of {len(nodes)} nodes: {words or 'none'}")


def _obstacle(pod: Object, node: Object, held: Amounts) -> str:
    """Why a node does not take a pod; empty where it does."""
    if node["spec"].get("unschedulable"):
        return "closed to new pods"
    if not tolerates(pod, node):
        return "with a taint that it does not tolerate"
    if not wants_node(pod, node):
        return "with other labels than it asks for"
    has = node.get("status", {}).get("allocatable", {})
    for name, amount in _requests(pod["spec"]).items():
        if held[name] + amount > parse(str(has.get(name, "0"))):
            return f"with too little {name}"
    return ""


def _requests(spec: dict[str, Any]) -> Amounts:
    """What a pod takes of a node."""
    amounts = pod_amounts(spec)
    taken = {
        name.removeprefix("requests."): amount
        for name, amount in amounts.items()
        if name.startswith("requests.") and amount
    }
    return {**taken, "pods": Decimal(1)}
