"""The three tenant roles, derived from the rules of the kinds and from what the Platform says
besides.

Every verb and resource is written out. No tenant role holds `bind`, `escalate`, `impersonate`, a
wildcard, or anything on nodes, quotas, limits or network policies beyond reading them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from manor.api import Platform, Tool
from manor.api.pack_zero import (
    CHANGE,
    ENTERED,
    PATTERNS,
    READ,
    RULES,
    SECRET,
    TOKEN,
    WORKED_WITH,
    WRITE,
)
from manor.api.roles import NamedRule
from manor.api.rules import KindRule, Switch, Verbs
from manor.api.subjects import ROLES
from manor.api.wellknown import CONTROLLER, RBAC_API, STAND_IN, cluster_role, tool_role
from manor.render.objects import Object, make
from manor.render.quota import is_device_class
from manor.tools import Toolset

Rules = Sequence[KindRule]
Resource = tuple[str, str]
"""API group, and the plural with its subresource."""


def _resources(rules: Iterable[KindRule]) -> Iterator[tuple[Resource, Verbs]]:
    """Every resource that a role may have, with what the roles may do; a kind stands before its
    subresources."""
    for rule in rules:
        yield (rule.group, rule.plural), rule.verbs
        for name, verbs in rule.subresources.items():
            yield (rule.group, f"{rule.plural}/{name}"), verbs


def _granted(resources: Iterable[Resource], verbs: Sequence[str]) -> list[Object]:
    """The rules that give `verbs` on the resources: one a group, or one for several groups with the
    same resources."""
    by_group: dict[str, list[str]] = {}
    for group, resource in resources:
        by_group.setdefault(group, []).append(resource)
    groups: dict[tuple[str, ...], list[str]] = {}
    for group, found in by_group.items():
        groups.setdefault(tuple(found), []).append(group)
    return [
        {"apiGroups": each, "resources": list(found), "verbs": list(verbs)}
        for found, each in groups.items()
    ]


def _worked_with(rules: Rules, on: set[Switch], verbs: Sequence[str]) -> list[Object]:
    """What teams work with, then what they work with where the Platform says so."""
    usual = [resource for resource, pattern in _resources(rules) if pattern == WORKED_WITH]
    switched = [(rule.group, rule.plural) for rule in rules if rule.switch in on]
    return [*_granted(usual, verbs), *_granted(switched, verbs)]


def _switches(platform: Platform) -> set[Switch]:
    """What the Platform has that teams may work with."""
    devices = any(
        is_device_class(name)
        for name in (*platform.spec.gpu.resource_names, *platform.spec.resources)
    )
    on: dict[Switch, bool] = {
        "devices": devices,
        "tenant-policies": platform.spec.network.tenant_policies,
    }
    return {switch for switch, is_on in on.items() if is_on}


def _only_read(rules: Rules) -> list[Object]:
    """What teams see and do not work with in every way."""
    found: dict[tuple[str, ...], list[Resource]] = {}
    for resource, pattern in _resources(rules):
        if pattern.viewer and pattern != WORKED_WITH:
            found.setdefault(pattern.viewer, []).append(resource)
    return [rule for verbs, resources in found.items() for rule in _granted(resources, verbs)]


def _besides(rules: Rules, role: Literal["editor", "owner"]) -> Iterator[Object]:
    """What a role may do beyond the one before it, less what teams work with in every way."""
    for pattern in dict.fromkeys([*PATTERNS, *(pattern for _, pattern in _resources(rules))]):
        if pattern != WORKED_WITH and (verbs := getattr(pattern, role)):
            yield from _granted(
                [resource for resource, found in _resources(rules) if found == pattern], verbs
            )


def _viewer(rules: Rules, on: set[Switch]) -> list[Object]:
    return [*_worked_with(rules, on, READ), *_only_read(rules)]


def _editor(rules: Rules, on: set[Switch]) -> list[Object]:
    scales = [(rule.group, f"{rule.plural}/scale") for rule in rules if rule.scale]
    return [
        *_worked_with(rules, on, READ + WRITE),
        *_granted(scales, CHANGE),
        *_only_read(rules),
        *_besides(rules, "editor"),
    ]


def _owner(rules: Rules, on: set[Switch]) -> list[Object]:
    return [*_editor(rules, on), *_besides(rules, "owner")]


def _written(rules: Sequence[NamedRule]) -> list[Object]:
    return [rule.model_dump(mode="json", by_alias=True) for rule in rules]


def cluster_roles(platform: Platform) -> list[Object]:
    """The tenant roles: viewer reads all but Secrets; editor works; owner also grants roles to
    members."""
    extra, on = platform.spec.roles, _switches(platform)
    viewer, editor, owner = _written(extra.viewer), _written(extra.editor), _written(extra.owner)
    rules = {
        "owner": [*_owner(RULES, on), *viewer, *editor, *owner],
        "editor": [*_editor(RULES, on), *viewer, *editor],
        "viewer": [*_viewer(RULES, on), *viewer],
    }
    return [make(RBAC_API, "ClusterRole", cluster_role(role), rules=rules[role]) for role in ROLES]


def stand_in_role(platform: Platform) -> Object:
    """What a tenant's stand-in may ask for. It holds what a viewer holds, so that it may bind that
    role; what the Platform gives owners and editors besides is nothing that checks need."""
    rules = [
        *_owner([_stood_in(rule) for rule in RULES], _switches(platform)),
        *_written(platform.spec.roles.viewer),
    ]
    return make(RBAC_API, "ClusterRole", STAND_IN, rules=rules)


def _stood_in(rule: KindRule) -> KindRule:
    """The rule without what no dry run keeps from its answer: a Secret's data, which an update
    returns; a token; a way into a pod."""
    kept = {
        name: verbs for name, verbs in rule.subresources.items() if verbs not in (ENTERED, TOKEN)
    }
    verbs = Verbs(editor=("create",)) if rule.verbs == SECRET else rule.verbs
    return replace(rule, verbs=verbs, subresources=kept)


def tool_roles(tool: Tool) -> list[Object]:
    """What each tenant role may do with the kinds of a Tool."""
    if not tool.has_roles:
        return []
    rules = [kind.rule for kind in tool.spec.kinds if kind.namespaced]
    made = {
        "owner": _owner(rules, set()),
        "editor": _editor(rules, set()),
        "viewer": _viewer(rules, set()),
    }
    return [
        make(RBAC_API, "ClusterRole", tool_role(tool.name, role), rules=made[role])
        for role in ROLES
    ]


def controllers_roles(tools: Toolset) -> list[Object]:
    """What the controllers of each Tool may do where it is used."""
    return [
        make(
            RBAC_API,
            "ClusterRole",
            tool_role(tool.name, CONTROLLER),
            rules=_written(tool.spec.rights),
        )
        for tool in tools.tools
        if tool.spec.rights
    ]
