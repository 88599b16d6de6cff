"""How often the workers of a job were started again, and after what."""

from collections.abc import Iterable

from manor.kube import Client, Object
from manor.rollout.diagnosis import explained
from manor.rollout.evidence import attempts_of, index_of
from manor.rollout.symptoms import symptom_of

_FAILURES = "batch.kubernetes.io/job-index-failure-count"
"""The annotation with how often a worker had failed before this pod of it."""


async def restarts_in_words(client: Client, pods: Iterable[Object], retries: int) -> str:
    """How often the workers whose pods these are, the oldest first, were started again, and after
    what the last time; empty where none was."""
    again = [(_count(pod, past), past[-1]) for *past, pod in attempts_of(pods) if past]
    count = max((count for count, _ in again), default=0)
    first = min((lost for number, lost in again if number == count), key=_end, default=None)
    if first is None or (symptom := symptom_of(first)) is None:
        return ""
    why = (await explained(client, symptom)).message
    return f"restart {count} of {retries}, after worker {index_of(first)}: {why}"


def _count(pod: Object, past: list[Object]) -> int:
    told = (pod["metadata"].get("annotations") or {}).get(_FAILURES, "0")
    return max(int(told), len(past))  # one that was deleted is gone


def _end(pod: Object) -> tuple[str, int]:
    """When a pod ended. What others bring down with them ends in the same second, but by no
    SIGKILL."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [end for one in statuses if (end := (one.get("state") or {}).get("terminated"))]
    return min(((end.get("finishedAt", ""), -end["exitCode"]) for end in ends), default=("", 0))
