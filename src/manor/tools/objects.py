"""The objects that a Tool needs for a tenant, filled in."""

from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

from manor.api import Platform, Tenant
from manor.api.tool import RawObject, Tool
from manor.api.wellknown import MANAGED, TENANT_LABEL
from manor.objectset.kinds import group_of
from manor.tools.toolset import Toolset

WORDS = ("tenant", "namespace", "domain")
"""What an object of a Tool may say as `$word`; `$$` is the sign itself."""


def filled(value: Any, words: Mapping[str, str]) -> Any:
    """`value` with every `$word` in its texts replaced. KeyError, ValueError where there is no such
    word."""
    if isinstance(value, str):
        return Template(value).substitute(words)
    if isinstance(value, dict):
        return {filled(key, words): filled(item, words) for key, item in value.items()}
    return [filled(item, words) for item in value] if isinstance(value, list) else value


def tool_objects(platform: Platform, tenant: Tenant, tools: Toolset) -> list[dict[str, Any]]:
    """What the Tools need to serve the tenant: its own first, then each namespace's."""
    return [obj for tool in tools.tools for obj in _of_tool(platform, tenant, tool)]


def _of_tool(platform: Platform, tenant: Tenant, tool: Tool) -> Iterator[dict[str, Any]]:
    spaces = [space.name for space in tenant.namespaces]
    words = {"tenant": tenant.name, "domain": platform.spec.domain}
    cluster_kinds = {(kind.group, kind.kind) for kind in tool.spec.kinds if not kind.namespaced}
    for raw in tool.spec.objects.tenant:
        obj = _made(raw, {**words, "namespace": spaces[0]})
        if (group_of(obj["apiVersion"]), obj["kind"]) in cluster_kinds:
            obj["metadata"]["labels"][TENANT_LABEL] = tenant.name
        else:
            obj["metadata"].setdefault("namespace", spaces[0])
        yield obj
    for space in spaces:
        for raw in tool.spec.objects.namespace:
            obj = _made(raw, {**words, "namespace": space})
            obj["metadata"]["namespace"] = space
            yield obj


def _made(raw: RawObject, words: Mapping[str, str]) -> dict[str, Any]:
    obj: dict[str, Any] = filled(raw, words)
    metadata = {**obj["metadata"], "labels": {**obj["metadata"].get("labels", {}), **MANAGED}}
    return {**obj, "metadata": metadata}
