"""The trials of a sweep: which have ended, and what each said of its result."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from manor.engines import Phase
from manor.kube import Object
from manor.rollout.evidence import index_of, words_of
from manor.rollout.symptoms import symptom_of

RESULT_LIMIT = 256
"""Most characters of a result."""


class Trial(NamedTuple):
    """The run of one set of a sweep's parameters."""

    parameters: Mapping[str, str]
    """The set."""
    phase: Phase
    """How it stands, in one word."""
    result: str = ""
    """What it wrote to /dev/termination-log; why it failed, where it did."""


def trials_of(
    job: Object, pods: Sequence[Object], sets: Sequence[Mapping[str, str]]
) -> tuple[Trial, ...]:
    """The trials of a Job with `sets`, as it and its pods, the oldest first, say it."""
    status = job.get("status") or {}
    succeeded = indexes(status.get("completedIndexes", ""))
    failed = indexes(status.get("failedIndexes", ""))
    last = {index_of(pod): pod for pod in pods}
    found = []
    for number, parameters in enumerate(sets):
        pod = last.get(number)
        if number in succeeded:
            words = words_of(pod) if pod else ""
            found.append(Trial(parameters, Phase.COMPLETE, words[:RESULT_LIMIT]))
        elif number in failed:
            symptom = symptom_of(pod) if pod else None
            why = symptom.message[:RESULT_LIMIT] if symptom else ""
            found.append(Trial(parameters, Phase.FAILED, why))
        else:
            running = bool(pod and (pod.get("status") or {}).get("phase") == "Running")
            found.append(Trial(parameters, Phase.RUNNING if running else Phase.PENDING))
    return tuple(found)


def in_words(trials: Sequence[Trial]) -> str:
    """How many of them have ended."""
    counts = {phase: sum(one.phase is phase for one in trials) for phase in Phase}
    words = f"{counts[Phase.COMPLETE]} of {len(trials)} trials succeeded"
    if counts[Phase.FAILED]:
        words += f", {counts[Phase.FAILED]} failed"
    return words


def indexes(text: str) -> set[int]:
    """The indexes of a Job that `0,2-4` stands for."""
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found
