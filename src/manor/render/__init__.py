"""From specs to Kubernetes objects. Pure: no clock, no environment, no network, no randomness."""

from pydantic import BaseModel

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
    dumped = document.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    written = _without_empty(document, dumped)
    ordered = {"apiVersion": document.api_version, "kind": document.kind, **written}
    ordered["metadata"] = {"name": document.metadata.name, **written.get("metadata", {})}
    return ordered


def _without_empty(model: BaseModel, dumped: Object) -> Object:
    """What was dumped of a model, less mappings with nothing in them that say what their absence
    says: of an empty one whose fields were there before, server-side apply makes null."""
    kept = {}
    for name, field in type(model).model_fields.items():
        alias = field.alias or name
        if alias not in dumped:
            continue
        value, part = getattr(model, name), dumped[alias]
        if isinstance(value, BaseModel):
            part = _without_empty(value, part)
        if part != {} or value != field.get_default(call_default_factory=True):
            kept[alias] = part
    return kept
