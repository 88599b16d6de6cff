"""The way in: a front that all share, and behind it a Gateway for each tenant.

The front's routes are Manor's alone: a host name leads to its tenant's proxy, without a filter. A
tenant's routes attach to its own Gateway, which has a proxy and a configuration of its own; what a
tenant writes is nobody else's configuration. With `isolation: shared` there is no front, and the
tenants' Gateways are one proxy's.
"""

from collections.abc import Iterator

from manor.api import Platform, Tenant
from manor.api.wellknown import (
    ENVOY_API,
    ENVOY_GROUP,
    FRONT,
    FRONT_PODS,
    GATEWAY_API,
    GATEWAY_GROUP,
    MANAGED,
    NAMESPACE_NAME_LABEL,
    SYSTEM_NAMESPACE,
    TENANT_LABEL,
    closed_host,
)
from manor.render import names, routes
from manor.render.keys import keys_asked
from manor.render.network import dns_rules, policy, tenant_peer
from manor.render.objects import Object, make
from manor.render.operator import PODS as OPERATOR_PODS

PROXY_PORT = 8080
"""Where a tenant's proxy listens to the front."""

STATISTICS_PORT = 19001
"""Where a proxy tells the operator what it was asked (Envoy Gateway's choice)."""

CONFIGURATION_PORT = 18000
"""Where Envoy Gateway hands a proxy its configuration (xDS)."""

_CLOSED = "closed"
"""The listener of each proxy that lets nobody through."""

_PROXY_PODS: Object = {"matchExpressions": [{"key": TENANT_LABEL, "operator": "Exists"}]}


def render_front(platform: Platform) -> list[Object]:
    """The front's Gateway, and who may talk to whom between front, proxies and their
    controllers."""
    settings = platform.spec.gateway
    if settings.isolation == "shared":
        return []
    front = settings.front
    routes_here = {"namespaces": {"from": "Same"}}
    gateway = make(
        GATEWAY_API,
        "Gateway",
        FRONT,
        front.namespace,
        spec={
            "gatewayClassName": front.class_name,
            "allowedListeners": routes_here,
            "listeners": [
                {
                    "name": "all",
                    **_port(platform, settings.tls_secret),
                    "allowedRoutes": routes_here,
                }
            ],
        },
    )
    return [gateway, *_grants(platform), *_borders(platform)]


def _port(platform: Platform, secret: str | None) -> Object:
    """Port and protocol of a listener that users reach, with its certificate where there is one."""
    settings = platform.spec.gateway
    if secret is None:
        return {"port": settings.port, "protocol": "HTTP"}
    tls = {
        "mode": "Terminate",
        "certificateRefs": [{"group": "", "kind": "Secret", "name": secret}],
    }
    return {"port": settings.port, "protocol": "HTTPS", "tls": tls}


def _grants(platform: Platform) -> list[Object]:
    """The front's routes may name the proxies' Services, and the proxies' traffic policy the
    tenants' Gateways."""
    settings = platform.spec.gateway
    proxies = settings.data_plane.namespace
    route = {"group": GATEWAY_GROUP, "kind": "HTTPRoute", "namespace": settings.front.namespace}
    traffic = {
        "group": ENVOY_GROUP,
        "kind": "ClientTrafficPolicy",
        "namespace": proxies,
    }
    return [
        make(
            GATEWAY_API,
            "ReferenceGrant",
            names.PROXIES,
            space,
            spec={"from": [giver], "to": [taker]},
        )
        for space, giver, taker in (
            (proxies, route, {"group": "", "kind": "Service"}),
            (SYSTEM_NAMESPACE, traffic, {"group": GATEWAY_GROUP, "kind": "Gateway"}),
        )
    ]


def _borders(platform: Platform) -> list[Object]:
    """The front reaches proxies alone, proxies hear the front alone, and the operator where they
    tell what they were asked; each asks DNS and its own controller."""
    settings = platform.spec.gateway
    front, proxies = settings.front.namespace, settings.data_plane.namespace
    resolving = dns_rules(platform.spec.network.dns)
    configured = {
        "to": [{"podSelector": {}}],
        "ports": [{"protocol": "TCP", "port": CONFIGURATION_PORT}],
    }
    port = [{"protocol": "TCP", "port": PROXY_PORT}]
    in_front: Object = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: front}}}
    behind: Object = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: proxies}}}
    counted = [{"protocol": "TCP", "port": STATISTICS_PORT}]
    operators: Object = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: SYSTEM_NAMESPACE}},
        "podSelector": {"matchLabels": OPERATOR_PODS},
    }
    return [
        policy(
            SYSTEM_NAMESPACE,
            names.PROXIES,
            podSelector={"matchLabels": OPERATOR_PODS},
            egress=[{"to": [{**behind, "podSelector": _PROXY_PODS}], "ports": counted}],
        ),
        policy(
            front,
            FRONT,
            podSelector={"matchLabels": FRONT_PODS},
            egress=[
                {"to": [{**behind, "podSelector": _PROXY_PODS}], "ports": port},
                *resolving,
                configured,
            ],
        ),
        policy(
            proxies,
            names.PROXIES,
            podSelector=_PROXY_PODS,
            ingress=[
                {"from": [{**in_front, "podSelector": {"matchLabels": FRONT_PODS}}], "ports": port},
                {"from": [operators], "ports": counted},
            ],
            egress=[*resolving, configured],
        ),
    ]


def render_way_in(platform: Platform, tenant: Tenant) -> list[Object]:
    """The tenant's Gateway; with a proxy of its own, also how the front finds it, which pods it
    may reach, and what makes it ask for keys before there are any."""
    made = [_gateway(platform, tenant), *_own_grants(tenant)]
    if platform.spec.gateway.isolation == "tenant":
        made += [
            *_closed(tenant),
            _proxy_service(platform, tenant),
            _proxy_border(platform, tenant),
        ]
        made += [*_certificates(platform, tenant), *_front_routes(platform, tenant)]
    return made


def _gateway(platform: Platform, tenant: Tenant) -> Object:
    """In the system namespace; a listener for each host name, for routes from the tenant's
    namespaces alone."""
    settings = platform.spec.gateway
    own = settings.isolation == "tenant"
    admitted = {"from": "Selector", "selector": {"matchLabels": {TENANT_LABEL: tenant.name}}}
    listeners = [
        {
            "name": names.listener(host),
            "hostname": host,
            **(
                {"port": PROXY_PORT, "protocol": "HTTP"}
                if own
                else _port(platform, _secret(platform, tenant, host))
            ),
            "allowedRoutes": {"namespaces": admitted},
        }
        for host in tenant.hosts(platform.spec.domain)
    ]
    spec: Object = {"gatewayClassName": settings.class_name, "listeners": listeners}
    if own:
        closed = {
            "name": _CLOSED,
            "hostname": closed_host(tenant.name),
            "port": PROXY_PORT,
            "protocol": "HTTP",
            "allowedRoutes": {"namespaces": {"from": "Same"}},
        }
        listeners.append(closed)
        spec["infrastructure"] = {"labels": {TENANT_LABEL: tenant.name}}
    return make(
        GATEWAY_API,
        "Gateway",
        names.gateway(tenant),
        SYSTEM_NAMESPACE,
        labels={**MANAGED, TENANT_LABEL: tenant.name},
        spec=spec,
    )


def _closed(tenant: Tenant) -> list[Object]:
    """A route to nowhere that asks for a key which nobody has.

    A proxy hears of a route before it hears of what asks for the first key of all, and would answer
    without one in between. Once it asks for any, it refuses what it does not know.
    """
    name = names.gateway(tenant)
    spec = {
        "parentRefs": [routes.parent(name, sectionName=_CLOSED)],
        "hostnames": [closed_host(tenant.name)],
        "rules": [{"matches": [routes.below("/")]}],
    }
    return [
        make(
            ENVOY_API,
            "SecurityPolicy",
            name,
            SYSTEM_NAMESPACE,
            spec=keys_asked(SYSTEM_NAMESPACE, name, ()),
        ),
        make(GATEWAY_API, "HTTPRoute", name, SYSTEM_NAMESPACE, spec=spec),
    ]


def _own_grants(tenant: Tenant) -> Iterator[Object]:
    """A route in one of the tenant's namespaces may lead to a Service in another."""
    spaces = [share.name for share in tenant.namespaces]
    for target in spaces:
        for source in (space for space in spaces if space != target):
            kinds = ("HTTPRoute", "GRPCRoute")
            routes = [{"group": GATEWAY_GROUP, "kind": kind, "namespace": source} for kind in kinds]
            spec = {"from": routes, "to": [{"group": "", "kind": "Service"}]}
            yield make(GATEWAY_API, "ReferenceGrant", names.routes_from(source), target, spec=spec)


def _secret(platform: Platform, tenant: Tenant, host: str) -> str | None:
    """The certificate of a host name: the tenant's own, else the Platform's; none where the gateway
    has no TLS."""
    usual = platform.spec.gateway.tls_secret
    return tenant.spec.tls_secrets.get(host, usual) if usual else None


def _proxy_service(platform: Platform, tenant: Tenant) -> Object:
    """How the front finds the tenant's proxy; headless, as its addresses are all that is needed."""
    spec = {
        "clusterIP": "None",
        "selector": {TENANT_LABEL: tenant.name},
        "ports": [{"name": "http", "port": PROXY_PORT}],
    }
    return make(
        "v1", "Service", names.proxy(tenant), platform.spec.gateway.data_plane.namespace, spec=spec
    )


def _proxy_border(platform: Platform, tenant: Tenant) -> Object:
    """The proxy reaches its own tenant's pods: an address that another tenant's pod has taken over
    leads nowhere."""
    return policy(
        platform.spec.gateway.data_plane.namespace,
        names.proxy(tenant),
        podSelector={"matchLabels": {TENANT_LABEL: tenant.name}},
        egress=[{"to": [tenant_peer(tenant.name)]}],
    )


def _certificates(platform: Platform, tenant: Tenant) -> Iterator[Object]:
    """Listeners of the front for the host names that have a certificate of their own."""
    settings = platform.spec.gateway
    own = {host: secret for host, secret in tenant.spec.tls_secrets.items() if settings.tls_secret}
    if own:
        listeners = [
            {
                "name": names.listener(host),
                "hostname": host,
                **_port(platform, secret),
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }
            for host, secret in own.items()
        ]
        parent = {"group": GATEWAY_GROUP, "kind": "Gateway", "name": FRONT}
        spec = {"parentRef": parent, "listeners": listeners}
        yield make(
            GATEWAY_API, "ListenerSet", names.gateway(tenant), settings.front.namespace, spec=spec
        )


def _front_routes(platform: Platform, tenant: Tenant) -> Iterator[Object]:
    """One for each host name: it leads to the tenant's proxy, and does nothing else."""
    settings = platform.spec.gateway
    backend = routes.service(
        names.proxy(tenant), PROXY_PORT, namespace=settings.data_plane.namespace, weight=1
    )
    for host in tenant.hosts(platform.spec.domain):
        parent = routes.parent(FRONT)
        if settings.tls_secret and host in tenant.spec.tls_secrets:
            listener = names.listener(host)
            parent = routes.parent(names.gateway(tenant), kind="ListenerSet", sectionName=listener)
        rule: Object = {
            "matches": [routes.below("/")],
            "backendRefs": [backend],
            "timeouts": {"request": "0s"},  # how long an answer may take is the tenant's to say
        }
        spec = {"parentRefs": [parent], "hostnames": [host], "rules": [rule]}
        # The Platform's domain may be known only later (Pulumi); no name hangs on it.
        name = names.listener(host) if tenant.spec.hosts else names.proxy(tenant)
        yield make(GATEWAY_API, "HTTPRoute", name, settings.front.namespace, spec=spec)


def url(platform: Platform, host: str) -> str:
    """Where users reach a host name of a tenant, scheme and port included."""
    settings = platform.spec.gateway
    scheme, usual = ("https", 443) if settings.tls_secret else ("http", 80)
    port = settings.external_port or settings.port
    return f"{scheme}://{host}" + ("" if port == usual else f":{port}")


def proxies_host(platform: Platform, tenant: Tenant) -> str:
    """The name by which each pod of the tenant's proxy is found inside the cluster."""
    return f"{names.proxy(tenant)}.{platform.spec.gateway.data_plane.namespace}.svc"


def entrance(platform: Platform, tenant: Tenant) -> tuple[str, str]:
    """Namespace and name of the Gateway whose address answers for the tenant's host names."""
    settings = platform.spec.gateway
    if settings.isolation == "shared":
        return SYSTEM_NAMESPACE, names.gateway(tenant)
    return settings.front.namespace, FRONT
