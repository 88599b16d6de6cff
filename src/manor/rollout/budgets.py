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
from manor.objectset.references import ref_of
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


async def lower_quotas(client: Client, part: ObjectSet, reader: Reader) -> None:
    """Take from the quotas of a set what they are to allow no longer, before anything is given."""
    wanted = {ref_of(obj): obj for obj in part.objects if kind_of(obj) == RESOURCE_QUOTA}
    if not wanted or part.inventory.owned:
        return
    parent = await read_parent(reader, part.inventory)
    spaces = parent.scope.namespaces | {ref.namespace for ref in wanted}
    if not parent.exists or len(spaces) == 1:
        return
    found = await reader.find_all("v1", "ResourceQuota", spaces, part.inventory.marks)
    lowered = [low for live in found if (low := _lowered(live, wanted.get(ref_of(live)), part))]
    for answer in await concurrently(
        client.apply(low, field_manager=FIELD_MANAGER, force=True) for low in lowered
    ):
        reader.wrote(answer)


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
