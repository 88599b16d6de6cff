"""Where something stands in its queue, where Kueue is there."""

from contextlib import suppress

from manor.api.wellknown import KUEUE_API, QUEUE_LABEL
from manor.kube import ApiError, Client, Object, UnknownKind
from manor.objectset.readiness import condition_of


def queue_of(obj: Object) -> str:
    """The LocalQueue that an object names; empty where it names none."""
    return str((obj["metadata"].get("labels") or {}).get(QUEUE_LABEL, ""))


async def place_in_queue(client: Client, obj: Object) -> str:
    """Where an object stands in its queue and what it lacks, in words; empty where it waits in none
    that the user may see.

    Kueue lets in by priority, then by age; one that there is no room for is passed by those behind
    it.
    """
    meta = obj["metadata"]
    with suppress(ApiError, UnknownKind):
        listed = await client.list(KUEUE_API, "Workload", meta["namespace"])
        own = next((one for one in listed if _is_of(one, meta.get("uid"))), None)
        if own is not None and _waits(own):
            return _words(own, listed)
    return ""


def _words(own: Object, listed: list[Object]) -> str:
    queue = own["spec"].get("queueName", "")
    reserved = condition_of(own, "QuotaReserved")
    why = reserved.get("message", "") if reserved.get("status") != "True" else ""
    why = why or condition_of(own, "Admitted").get("message", "")
    if own["spec"].get("active") is False:
        return f"its Workload {own['metadata']['name']} was taken out of queue {queue}: {why}"
    line = [one for one in listed if one["spec"].get("queueName") == queue and _waits(one)]
    line.sort(key=_turn)
    number = line.index(own) + 1
    return f"number {number} of {len(line)} in queue {queue}" + (f": {why}" if why else "")


def _is_of(workload: Object, uid: str | None) -> bool:
    owners = workload["metadata"].get("ownerReferences") or ()
    return uid is not None and any(owner.get("uid") == uid for owner in owners)


def _waits(workload: Object) -> bool:
    admitted = condition_of(workload, "Admitted").get("status") == "True"
    return not admitted and condition_of(workload, "Finished").get("status") != "True"


def _turn(workload: Object) -> tuple[int, str, str]:
    meta = workload["metadata"]
    priority = workload["spec"].get("priority") or 0
    return -priority, meta.get("creationTimestamp", ""), meta["name"]
