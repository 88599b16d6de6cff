"""A run that has begun counts its workers' restarts as it began: the API server lets nobody change
how. One that an earlier Manor made counts the failed pods of all workers together."""

from dataclasses import replace

from manor.api import kinds
from manor.kube import Object, Reader
from manor.objectset.kinds import JOB, kind_of
from manor.rollout.sets import ObjectSet

_BY_WORKER = frozenset({"backoffLimitPerIndex", "maxFailedIndexes"})


async def as_begun(part: ObjectSet, reader: Reader) -> ObjectSet:
    """The set as it is applied over what runs."""
    if part.ref.kind != kinds.TRAINING_JOB.kind:
        return part
    return replace(part, objects=[await _as_begun(obj, reader) for obj in part.objects])


async def _as_begun(obj: Object, reader: Reader) -> Object:
    if kind_of(obj) != JOB or not obj["spec"].keys() >= _BY_WORKER:
        return obj
    meta = obj["metadata"]
    live = await reader.find(obj["apiVersion"], obj["kind"], meta["name"], meta["namespace"])
    if live is None or live["spec"].keys() & _BY_WORKER:
        return obj
    spec = {key: value for key, value in obj["spec"].items() if key not in _BY_WORKER}
    return {**obj, "spec": {**spec, "backoffLimit": obj["spec"]["backoffLimitPerIndex"]}}
