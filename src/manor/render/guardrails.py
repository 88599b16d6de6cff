"""The admission policies, and what each tenant namespace allows under them."""

from manor.api import Platform, Tenant
from manor.render import names
from manor.render.objects import Object, make


def policies(platform: Platform) -> list[Object]:
    """All admission policies and their bindings."""
    return []


def params(platform: Platform, tenant: Tenant, namespace: str) -> Object:
    """What the policies allow in a namespace."""
    return make("v1", "ConfigMap", names.GUARDRAILS, namespace, data={"tenant": tenant.name})
