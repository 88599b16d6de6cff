"""What the cluster has that tells of one object: its pods, what makes them, their events, their
last words. Each question is one request, and bounded."""

from collections.abc import Iterable
from typing import NamedTuple

from manor.api.meta import one_line
from manor.api.wellknown import COMPONENT_LABEL, INSTANCE_LABEL, NAME_LABEL
from manor.kube import ApiError, Client, NotFound, Object
from manor.limits import limits
from manor.objectset.kinds import (
    CRON_JOB,
    INFERENCE_SERVICE,
    JOB,
    RAY_JOB,
    SELDON_DEPLOYMENT,
    TRAIN_JOB,
    GroupKind,
    kind_of,
)

POD: GroupKind = ("", "Pod")
_INDEX = "batch.kubernetes.io/job-completion-index"


class _Made(NamedTuple):
    """How what a kind makes is found: the label on it that has the object's name, and the kind that
    makes the pods, where it is another."""

    label: str
    maker: tuple[str, str] = ("", "")


_MADE = {
    JOB: _Made("batch.kubernetes.io/job-name"),
    TRAIN_JOB: _Made("jobset.sigs.k8s.io/jobset-name", ("batch/v1", "Job")),
    RAY_JOB: _Made(INSTANCE_LABEL),
    INFERENCE_SERVICE: _Made("serving.kserve.io/inferenceservice", ("apps/v1", "Deployment")),
    SELDON_DEPLOYMENT: _Made("seldon-deployment-id", ("apps/v1", "Deployment")),
}


async def pods_of(client: Client, obj: Object) -> list[Object]:
    """The pods that an object became, the oldest first, but for those that are being deleted; of a
    schedule those of its newest run."""
    if kind_of(obj) == POD:
        return [obj]
    if kind_of(obj) == CRON_JOB:
        runs = await runs_of(client, obj)
        return await pods_of(client, runs[-1]) if runs else []
    labels = _labels(obj)
    if not labels:
        return []
    pods = await client.list("v1", "Pod", obj["metadata"]["namespace"], labels)
    pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


async def runs_of(client: Client, schedule: Object) -> list[Object]:
    """The Jobs of a CronJob of ours that are still there, the oldest first, but for those that are
    being deleted."""
    meta = schedule["metadata"]
    marks = {key: meta["labels"][key] for key in (NAME_LABEL, COMPONENT_LABEL)}
    jobs = await client.list("batch/v1", "Job", meta["namespace"], marks)
    # Their names end with the minute that they are of.
    jobs.sort(key=lambda job: (len(job["metadata"]["name"]), job["metadata"]["name"]))
    return [
        job
        for job in jobs
        if "deletionTimestamp" not in job["metadata"]
        and any(one["uid"] == meta["uid"] for one in job["metadata"].get("ownerReferences", ()))
    ]


async def makers_of(client: Client, obj: Object) -> list[Object]:
    """What makes the pods of an object: itself, or what its controller made of it for that."""
    meta, made = obj["metadata"], _MADE.get(kind_of(obj), _Made(""))
    if kind_of(obj) == RAY_JOB:
        cluster = (obj.get("status") or {}).get("rayClusterName")
        if not cluster:
            return [obj]
        try:
            return [await client.get("ray.io/v1", "RayCluster", cluster, meta["namespace"])]
        except NotFound:
            return [obj]
    if made.maker == ("", ""):
        return [obj]
    return await client.list(*made.maker, meta["namespace"], _labels(obj)) or [obj]


async def events_of(client: Client, obj: Object) -> list[Object]:
    """The events on an object, the newest last."""
    meta = obj["metadata"]
    about = f"involvedObject.kind={obj['kind']},involvedObject.name={meta['name']}"
    events = await client.list("v1", "Event", meta["namespace"], field_selector=about)
    # One of its name that is gone has its events for an hour.
    uid = meta.get("uid")
    events = [event for event in events if event["involvedObject"].get("uid", uid) == uid]
    return sorted(events, key=_moment)


def last_event(events: Iterable[Object], reasons: Iterable[str], over: str = "") -> Object | None:
    """The newest event for one of these reasons, unless one for the reason `over` came later."""
    wanted, found = set(reasons), None
    for event in events:
        if event.get("reason") == over:
            found = None
        elif event.get("reason") in wanted:
            found = event
    return found


async def last_line(client: Client, pod: Object, container: str, *, previous: bool) -> str:
    """The last line of a container's log that says something; of its last run where `previous`."""
    meta, bounds = pod["metadata"], limits().rollout
    for run in (previous, False) if previous else (False,):
        try:
            text = await client.logs(
                *(meta["namespace"], meta["name"]),
                container=container,
                previous=run,
                tail_lines=bounds.log_lines,
                limit_bytes=bounds.log,
            )
        except ApiError:  # the log is gone, or not the user's to read
            continue
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            return lines[-1]
    return ""


async def last_words(client: Client, obj: Object) -> str:
    """What the last pod of an object said of its end; empty where it is gone, or said nothing."""
    return next(filter(None, map(words_of, reversed(await pods_of(client, obj)))), "")


def words_of(pod: Object) -> str:
    """What a pod said of its end; empty where it said nothing."""
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if said := ((container.get("state") or {}).get("terminated") or {}).get("message"):
            return one_line(said)
    return ""


def index_of(pod: Object) -> int | None:
    """Which pod of an indexed Job it is; None of one that only bears the job's labels."""
    text = (pod["metadata"].get("annotations") or {}).get(_INDEX, "")
    return int(text) if text.isdecimal() else None


def attempts_of(pods: Iterable[Object]) -> list[list[Object]]:
    """The pods of each index of a Job, in their order: each takes the place of the one before. One
    that has no index is by itself."""
    found: dict[object, list[Object]] = {}
    for pod in pods:
        index = index_of(pod)
        found.setdefault(id(pod) if index is None else str(index), []).append(pod)
    return list(found.values())


def _labels(obj: Object) -> dict[str, str]:
    if made := _MADE.get(kind_of(obj)):
        return {made.label: obj["metadata"]["name"]}
    return dict(((obj.get("spec") or {}).get("selector") or {}).get("matchLabels") or {})


def _moment(event: Object) -> str:
    series = (event.get("series") or {}).get("lastObservedTime")
    told = series or event.get("lastTimestamp") or event.get("eventTime")
    return str(told or event["metadata"].get("creationTimestamp") or "")
