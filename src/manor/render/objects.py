"""How a Kubernetes object is written: as the plain mapping that its YAML is."""

from collections.abc import Mapping
from typing import Any

from manor.api.wellknown import MANAGED

Object = dict[str, Any]


def make(
    api_version: str,
    kind: str,
    name: str,
    namespace: str | None = None,
    *,
    labels: Mapping[str, str] = MANAGED,
    **body: Any,
) -> Object:
    """A Kubernetes object; `body` holds its fields beside metadata."""
    metadata: Object = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    metadata["labels"] = dict(labels)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}
