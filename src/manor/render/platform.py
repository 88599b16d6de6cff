"""What the platform itself needs on the cluster, before any tenant."""

from collections.abc import Iterable

from manor.api import Platform
from manor.api.wellknown import (
    MANAGED,
    NETWORKING_API,
    POD_SECURITY,
    POLICY_DEFAULT_DENY,
    SYSTEM_NAMESPACE,
)
from manor.objectset.kinds import GroupKind
from manor.render import guardrails
from manor.render.crds import crds
from manor.render.gateway import render_front
from manor.render.objects import Object, make
from manor.render.rbac import applier_role, front_role, keeper_role, workloads_role
from manor.render.roles import cluster_roles, controllers_roles, stand_in_role, tool_roles
from manor.tools import NO_TOOLS, Toolset


def render_foundation() -> list[Object]:
    """What stands before any spec: the system namespace, closed, and the definitions of Manor's
    kinds."""
    namespace = SYSTEM_NAMESPACE
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return [
        make("v1", "Namespace", namespace, labels={**MANAGED, **POD_SECURITY}),
        make(NETWORKING_API, "NetworkPolicy", POLICY_DEFAULT_DENY, namespace, spec=closed),
        *crds(),
    ]


def render_platform(
    platform: Platform,
    tools: Toolset = NO_TOOLS,
    by_queues: Iterable[GroupKind] = (),
    by_engines: Iterable[GroupKind] = (),
    controlling: Iterable[GroupKind] = (),
) -> list[Object]:
    """The tenant roles, Tools' too, the guardrails, and the front of the way in.

    `by_queues` and `by_engines` are the kinds that the queue system and engines make: who applies
    writes them. `controlling` are those through which workloads come to their pods.
    """
    return [
        *cluster_roles(platform),
        stand_in_role(platform),
        *(role for tool in tools.tools for role in tool_roles(tool)),
        *controllers_roles(tools),
        applier_role(tools, {*by_queues, *by_engines}),
        keeper_role(tools, by_queues, {*by_engines, *controlling}),
        workloads_role(platform, tools, by_engines),
        front_role(),
        *guardrails.policies(platform, tools),
        *render_front(platform),
    ]
