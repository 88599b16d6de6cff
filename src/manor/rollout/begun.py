"""What an earlier Manor began goes on in the form in which it began, where another one could not be
had, or not without harm.

A run counts its workers' restarts as it began: the API server lets nobody change how, and an
earlier Manor counted the failed pods of all workers together. A model's route has its filters where
it had them as long as its versions stay: with them at its Services, as they are now, a proxy knows
these by other names, and hears of names and routes one after the other.
"""

from dataclasses import replace

from manor.api import kinds
from manor.kube import Object, Reader
from manor.objectset.kinds import HTTP_ROUTE, JOB, kind_of
from manor.rollout.sets import ObjectSet

_BY_WORKER = frozenset({"backoffLimitPerIndex", "maxFailedIndexes"})


async def as_begun(part: ObjectSet, reader: Reader) -> ObjectSet:
    """The set as it is applied over what runs."""
    if part.ref.kind not in (kinds.TRAINING_JOB.kind, kinds.MODEL.kind):
        return part
    return replace(part, objects=[await _as_begun(obj, reader) for obj in part.objects])


async def _as_begun(obj: Object, reader: Reader) -> Object:
    if kind_of(obj) == JOB and obj["spec"].keys() >= _BY_WORKER:
        form = _run
    elif kind_of(obj) == HTTP_ROUTE:
        form = _route
    else:
        return obj
    meta = obj["metadata"]
    live = await reader.find(obj["apiVersion"], obj["kind"], meta["name"], meta["namespace"])
    return obj if live is None else {**obj, "spec": form(obj["spec"], live["spec"])}


def _run(spec: Object, live: Object) -> Object:
    if live.keys() & _BY_WORKER:
        return spec
    kept = {key: value for key, value in spec.items() if key not in _BY_WORKER}
    return {**kept, "backoffLimit": spec["backoffLimitPerIndex"]}


def _route(spec: Object, live: Object) -> Object:
    (rule,), (told, *_) = spec["rules"], live.get("rules") or [{}]
    before = told.get("backendRefs") or []
    services = rule["backendRefs"]
    same = [to["name"] for to in services] == [to["name"] for to in before]
    if not same or any(to.get("filters") for to in before):
        return spec
    bare = [{key: value for key, value in to.items() if key != "filters"} for to in services]
    filters = [*services[0].get("filters", ()), *rule.get("filters", ())]
    return {**spec, "rules": [{**rule, "filters": filters, "backendRefs": bare}]}
