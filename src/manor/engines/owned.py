"""What a workload becomes bears its labels, by which it is found again and deleted with it."""

from manor.api import Workload
from manor.render import labels
from manor.render.objects import Object, make


def object_of(
    kind: str,
    api_version: str,
    name: str,
    owner: Workload,
    queue: dict[str, str] | None = None,
    **body: object,
) -> Object:
    """An object in the namespace of `owner`, with its labels and those of the `queue` that it waits
    in."""
    made = {**labels.workload_labels(owner.kind, owner.metadata.name), **(queue or {})}
    return make(api_version, kind, name, owner.metadata.namespace, labels=made, **body)
