"""A budget over several namespaces is never exceeded, not even between two writes: what one
namespace loses goes before what another gains.

First every quota is brought to the least of what it allows and what it is to allow, and one that is
no longer wanted to nothing; only then is anything allowed more. Whenever that is interrupted, the
quotas together allow no more than before, or than they shall.
"""

from collections.abc import Mapping

from manor.api.quantity import parse
from manor.apply.concurrency import concurrently
from manor.apply.inventory import read_parent
from manor.kube import Client, Object, Reader
from manor.objectset.applyset import FIELD_MANAGER, with_labels
from manor.objectset.kinds import RESOURCE_QUOTA, kind_of
from manor.objectset.references import Ref, ref_of
from manor.rollout.sets import ObjectSet

Hard = Mapping[str, str]
"""What a ResourceQuota allows, by resource; what is not in it is not limited."""


def least(allowed: Hard, wanted: Hard) -> dict[str, str]:
    """What both allow."""
    lower = {
        resource: limit
        for resource, limit in wanted.items()
        if resource not in allowed or parse(limit) < parse(allowed[resource])
    }
    return {**allowed, **lower}


async def lower_quotas(client: Client, part: ObjectSet, reader: Reader) -> frozenset[Ref]:
    """Take from the quotas of a set what they are to allow no longer, before anything is given.
    Those that something was taken from."""
    wanted = {ref_of(obj): obj for obj in part.objects if kind_of(obj) == RESOURCE_QUOTA}
    if not wanted or part.inventory.owned:
        return frozenset()
    parent = await read_parent(reader, part.inventory)
    if not parent.exists:
        return frozenset()
    spaces = parent.scope.namespaces | {ref.namespace for ref in wanted}
    found = await reader.find_all("v1", "ResourceQuota", spaces, part.inventory.marks)
    live = {ref_of(obj): obj for obj in found}
    if not any(_gains(live.get(ref), obj) for ref, obj in wanted.items()):
        return frozenset()
    lowered = [low for ref in live if (low := _lowered(live[ref], wanted.get(ref), part))]
    for answer in await concurrently(
        client.apply(low, field_manager=FIELD_MANAGER, force=True) for low in lowered
    ):
        reader.wrote(answer)
    return frozenset(map(ref_of, lowered))


def _gains(live: Object | None, wanted: Object) -> bool:
    """Whether the quota is to allow anything more."""
    allowed = (live["spec"].get("hard") or {}) if live else {}
    shall = wanted["spec"]["hard"]
    return live is None or least(allowed, shall) != {**allowed, **shall}


def _lowered(live: Object, wanted: Object | None, part: ObjectSet) -> Object | None:
    """The quota as it is first written; None where nothing is taken from it."""
    allowed = live["spec"].get("hard") or {}
    shall = wanted["spec"]["hard"] if wanted else dict.fromkeys(allowed, "0")
    low = least(allowed, shall)
    if low == allowed:
        return None
    meta = {"name": live["metadata"]["name"], "namespace": live["metadata"]["namespace"]}
    base = wanted or {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta}
    return with_labels({**base, "spec": {"hard": low}}, part.inventory.marks)
