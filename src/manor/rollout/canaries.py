"""A canary gets its share of the requests once it answers; until then the model answers all.

A gateway answers the share of a Service without endpoints itself (503), so that what a route says
depends on what the cluster shows at that moment. Here alone; what is rendered does not.
"""

from dataclasses import replace

from manor.engines import without_share
from manor.kube import Reader
from manor.objectset.readiness import readiness
from manor.rollout.progress import Progress, ShareWithheld, silent
from manor.rollout.sets import ObjectSet


async def as_it_answers(part: ObjectSet, reader: Reader, progress: Progress = silent) -> ObjectSet:
    """The set as it is applied now."""
    if part.canary is None:
        return part
    api_version, meta = part.canary["apiVersion"], part.canary["metadata"]
    live = await reader.find(api_version, part.canary["kind"], meta["name"], meta["namespace"])
    if live is not None and readiness(live).ready:
        return part
    progress(ShareWithheld(part))
    return replace(part, objects=without_share(part.objects))
