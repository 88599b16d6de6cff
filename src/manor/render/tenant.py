"""A tenant's place: everything that is made for one Tenant."""

from collections.abc import Mapping

from manor.api import Platform, Tenant
from manor.render import guardrails, labels
from manor.render.fairness import fairness
from manor.render.gateway import render_way_in
from manor.render.metadata import namespace_annotations
from manor.render.network import network_policies
from manor.render.objects import Object, make
from manor.render.quota import divide, limit_range, resource_quota
from manor.render.rbac import role_bindings, tenant_role
from manor.tools import NO_TOOLS, Toolset
from manor.tools.objects import tool_objects


def _namespace(platform: Platform, tenant: Tenant, name: str, tools: Toolset) -> Object:
    namespace = make("v1", "Namespace", name, labels=labels.namespace_labels(tenant, tools))
    if annotations := namespace_annotations(platform, tenant, tools):
        namespace["metadata"]["annotations"] = annotations
    return namespace


def _service_accounts(tenant: Tenant, namespace: str) -> list[Object]:
    """The default one, and the tenant's members that live here: their tokens end with their
    membership."""
    members = {
        m.name for m in tenant.members if m.kind == "ServiceAccount" and m.namespace == namespace
    }
    return [
        make("v1", "ServiceAccount", name, namespace, automountServiceAccountToken=False)
        for name in sorted({"default", *members})
    ]


def _volumes(tenant: Tenant) -> list[Object]:
    claims = []
    for volume in tenant.spec.volumes:
        spec: Object = {
            "accessModes": [volume.access_mode],
            "resources": {"requests": {"storage": volume.size}},
        }
        if volume.storage_class is not None:
            spec["storageClassName"] = volume.storage_class
        namespace = volume.namespace or tenant.namespaces[0].name
        claims.append(make("v1", "PersistentVolumeClaim", volume.name, namespace, spec=spec))
    return claims


def render_tenant(
    platform: Platform, tenant: Tenant, tenants: Mapping[str, Tenant], tools: Toolset = NO_TOOLS
) -> list[Object]:
    """Everything that gives `tenant` its place, in an order in which it can be applied.

    `tenants` is every tenant of the platform by name: traffic between two tenants needs the consent
    of both. `tools` are the Platform's.
    """
    tools = tools.of(tenant)
    quotas = divide(platform, tenant, tools)
    objects: list[Object] = []
    for namespace, hard in quotas.items():
        objects += [
            _namespace(platform, tenant, namespace, tools),
            resource_quota(namespace, hard),
            limit_range(namespace),
            guardrails.params(platform, tenant, namespace),
            *_service_accounts(tenant, namespace),
            *network_policies(platform, tenant, tenants, namespace, tools),
            *role_bindings(platform, tenant, namespace, tools),
        ]
    return [
        *tenant_role(platform, tenant, tools),
        *fairness(platform, tenant),
        *objects,
        *render_way_in(platform, tenant),
        *_volumes(tenant),
        *tool_objects(platform, tenant, tools),
    ]
