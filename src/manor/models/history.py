"""What a Model served, as Kubernetes keeps it: a ReplicaSet for each version, the last ten."""

from dataclasses import dataclass
from typing import Any

from manor.api import Model
from manor.engines import served_labels, served_version
from manor.kube import Client, Object

_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Revision:
    """A version of a model, and its replicas by now."""

    number: int
    """Grows with each version; one that is taken again gets the next number."""
    storage_uri: str
    """Empty where the image holds the model."""
    image: str
    since: str
    """When it was first served, in RFC 3339."""
    replicas: int
    ready: int


async def history(client: Client, model: Model) -> list[Revision]:
    """The versions that are known, the newest first. None where nothing is made of the model, or
    where the engine's system makes no Deployments."""
    meta = model.metadata
    sets = await client.list("apps/v1", "ReplicaSet", meta.namespace, labels=served_labels(model))
    found = [_revision(each) for each in sets]
    return sorted(found, key=lambda each: each.number, reverse=True)


def _revision(replicas: Object) -> Revision:
    meta, spec = replicas["metadata"], replicas["spec"]
    status: dict[str, Any] = replicas.get("status") or {}
    pod = spec["template"]["spec"]
    return Revision(
        int((meta.get("annotations") or {}).get(_REVISION, "0")),
        served_version(pod),
        pod["containers"][0]["image"],
        meta["creationTimestamp"],
        spec.get("replicas", 0),
        status.get("readyReplicas", 0),
    )
