"""The way in: a Gateway for each tenant, with a listener for each of its host names and nobody else's."""

from manor.api import Platform, Tenant
from manor.render import labels, names
from manor.render.objects import Object, make


def gateway(platform: Platform, tenant: Tenant) -> Object:
    """The tenant's Gateway, in the system namespace; only routes from the tenant's namespaces may attach to it."""
    settings = platform.spec.gateway
    listeners = []
    for host in tenant.hosts(platform.spec.domain):
        listener: Object = {
            "name": names.listener(host),
            "hostname": host,
            "port": settings.port,
            "protocol": "HTTPS" if settings.tls_secret else "HTTP",
            "allowedRoutes": {
                "namespaces": {"from": "Selector", "selector": {"matchLabels": {labels.TENANT: tenant.name}}}
            },
        }
        if settings.tls_secret:
            reference = {"group": "", "kind": "Secret", "name": settings.tls_secret}
            listener["tls"] = {"mode": "Terminate", "certificateRefs": [reference]}
        listeners.append(listener)
    return make(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        names.gateway(tenant),
        names.SYSTEM_NAMESPACE,
        labels={**labels.MANAGED, labels.TENANT: tenant.name},
        spec={"gatewayClassName": settings.class_name, "listeners": listeners},
    )


def url(platform: Platform, host: str) -> str:
    """Where users reach a host name of a tenant, scheme and port included."""
    settings = platform.spec.gateway
    scheme, usual = ("https", 443) if settings.tls_secret else ("http", 80)
    port = settings.external_port or settings.port
    return f"{scheme}://{host}" + ("" if port == usual else f":{port}")
