"""The objects that a Tool needs for a tenant, filled in."""

from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

from manor.api import Platform, Tenant
from manor.api.tool import RawObject, Tool
from manor.api.wellknown import MANAGED, TENANT_LABEL
from manor.objectset.kinds import group_of
from manor.tools.toolset import Toolset

WORDS = ("tenant", "namespace", "domain", "image")
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
    words = _words(platform, tenant, tool)
    cluster_kinds = {(kind.group, kind.kind) for kind in tool.spec.kinds if not kind.namespaced}
    for raw in tool.spec.objects.tenant:
        obj = _made(raw, words)
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


def tool_env(platform: Platform, tenant: Tenant, tools: Toolset) -> dict[str, str]:
    """The environment variables that the Tools give to the tenant's workloads; of one that two of
    them set, the first one's."""
    env: dict[str, str] = {}
    for tool in reversed(tools.tools):
        env |= filled(tool.spec.env, _words(platform, tenant, tool))
    return env


def says_image(tool: Tool) -> bool:
    """Whether something that it brings into a tenant's namespace runs `$image`."""
    objects = [*tool.spec.objects.tenant, *tool.spec.objects.namespace]
    try:
        filled(objects, dict.fromkeys(WORDS[:-1], ""))
    except KeyError as error:
        return error.args == (WORDS[-1],)
    except ValueError:  # told by `review`
        return False
    return False


def _words(platform: Platform, tenant: Tenant, tool: Tool) -> dict[str, str]:
    """What the words stand for in what there is once for each tenant."""
    return {
        "tenant": tenant.name,
        "namespace": tenant.namespaces[0].name,
        "domain": platform.spec.domain,
        "image": platform.spec.images.tools.get(tool.name, ""),
    }


def _made(raw: RawObject, words: Mapping[str, str]) -> dict[str, Any]:
    obj: dict[str, Any] = filled(raw, words)
    metadata = {**obj["metadata"], "labels": {**obj["metadata"].get("labels", {}), **MANAGED}}
    return {**obj, "metadata": metadata}
