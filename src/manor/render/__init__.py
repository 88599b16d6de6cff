"""From specs to Kubernetes objects. Pure: no clock, no environment, no network, no randomness."""

from manor.api import Platform, Tenant, Tool, Workload
from manor.render.gateway import entrance, url
from manor.render.objects import Object
from manor.render.platform import render_foundation, render_platform
from manor.render.tenant import render_tenant

__all__ = [
    "Object",
    "entrance",
    "render_foundation",
    "render_platform",
    "render_tenant",
    "spec_object",
    "url",
]


def spec_object(document: Platform | Tool | Tenant | Workload) -> Object:
    """A Manor object as the plain mapping that its YAML is, with what the author wrote and no
    defaults."""
    written = document.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    ordered = {"apiVersion": document.api_version, "kind": document.kind, **written}
    ordered["metadata"] = {"name": document.metadata.name, **written.get("metadata", {})}
    return ordered
