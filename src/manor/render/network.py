"""NetworkPolicies: nothing in, nothing out, then what a tenant needs.

NetworkPolicies add up: what a tenant writes, where it may, opens no more than these (the policy
manor-networkpolicies).
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType

from manor.api import Platform, Tenant
from manor.api.addresses import METADATA_SERVERS, Network, overlaps, within
from manor.api.platform import DnsService, PlatformPeer, PodSelector
from manor.api.tool import ToolTraffic
from manor.api.wellknown import (
    NAMESPACE_NAME_LABEL,
    NETWORKING_API,
    POLICY_API_SERVER,
    POLICY_DEFAULT_DENY,
    POLICY_EGRESS,
    TENANT_LABEL,
)
from manor.render import names
from manor.render.labels import WORKERS
from manor.render.objects import Object, make
from manor.tools import NO_TOOLS, Toolset

NO_LABELS: Mapping[str, str] = MappingProxyType({})
_NOT_DNS = [
    {"protocol": protocol, "port": first, "endPort": last}
    for protocol in ("TCP", "UDP")
    for first, last in ((1, 52), (54, 65535))
]
"""Every port but DNS's: names are resolved by the cluster's DNS alone."""


def policy(namespace: str, name: str, **spec: object) -> Object:
    """A NetworkPolicy, of every pod in the namespace unless `podSelector` says otherwise."""
    types = [kind for kind in ("Ingress", "Egress") if kind.lower() in spec]
    # The API server drops an empty list of rules; to send one would be a change at every apply.
    given = {field: value for field, value in spec.items() if value != []}
    return make(
        NETWORKING_API,
        "NetworkPolicy",
        name,
        namespace,
        spec={"podSelector": {}, "policyTypes": types, **given},
    )


def tenant_peer(tenant: str) -> Object:
    """Every pod of a tenant."""
    return {"namespaceSelector": {"matchLabels": {TENANT_LABEL: tenant}}}


def _data_planes(platform: Platform, tenant: Tenant) -> list[Object]:
    """The pods that bring the tenant's traffic from outside: its proxy, and an ingress
    controller."""
    gateway, ingress = platform.spec.gateway, platform.spec.ingress
    proxy = gateway.data_plane
    if gateway.isolation == "tenant":
        proxy = proxy.model_copy(update={"labels": {**proxy.labels, TENANT_LABEL: tenant.name}})
    return [pods(selector) for selector in (proxy, *([ingress.data_plane] if ingress else []))]


def pods(selector: PodSelector) -> Object:
    """The peer that a PodSelector names."""
    peer: Object = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: selector.namespace}}
    }
    if selector.labels:
        peer["podSelector"] = {"matchLabels": dict(selector.labels)}
    return peer


def ip_block(cidr: Network, barred: Iterable[Network]) -> Object | None:
    """The network less what is barred in it; None when nothing of it is left."""
    overlapping = [net for net in barred if overlaps(cidr, net)]
    if any(within(cidr, net) for net in overlapping):
        return None
    widest = [
        net
        for net in overlapping
        if not any(net != other and within(net, other) for other in overlapping)
    ]
    block: Object = {"cidr": str(cidr)}
    if widest:
        block["except"] = [
            str(net)
            for net in sorted(set(widest), key=lambda n: (int(n.network_address), n.prefixlen))
        ]
    return {"ipBlock": block}


def egress_blocks(platform: Platform, tenant: Tenant) -> list[Object]:
    """The addresses outside the cluster that the tenant's pods may reach, as peers of a
    NetworkPolicy."""
    egress = tenant.spec.network.egress
    everywhere: list[Network] = [IPv4Network("0.0.0.0/0")]
    # Where the Platform knows no IPv6 address of a node, it cannot keep the nodes out of ::/0.
    if any(net.version == 6 for net in platform.spec.network.node_cidrs):
        everywhere.append(IPv6Network("::/0"))
    wanted = [*(everywhere if egress.internet else []), *egress.cidrs]
    blocks = [ip_block(cidr, platform.spec.network.forbidden()) for cidr in wanted]
    return [block for block in blocks if block is not None]


def consenting_peers(tenant: Tenant, tenants: Mapping[str, Tenant]) -> list[str]:
    """The tenants that this one allows and that allow it in turn, sorted."""
    return sorted(
        name
        for name in set(tenant.spec.network.allow)
        if (peer := tenants.get(name)) is not None and tenant.name in peer.spec.network.allow
    )


def dns_rules(dns: DnsService) -> list[Object]:
    """The way to the cluster's DNS, as rules of egress."""

    def ports(port: int) -> list[Object]:
        return [{"protocol": protocol, "port": port} for protocol in ("UDP", "TCP")]

    rules = [{"to": [pods(dns)], "ports": ports(dns.port)}]
    if dns.addresses:
        cache = [
            {"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}} for address in dns.addresses
        ]
        rules.append({"to": cache, "ports": ports(53)})
    return rules


def platform_peers(platform: Platform, tenant: Tenant) -> list[PlatformPeer]:
    """The platform's pods that exchange traffic with the tenant's."""
    wanted = tenant.spec.network.platform_peers
    return [peer for peer in platform.spec.network.peers if wanted is None or peer.name in wanted]


def _peer(
    namespace: str, name: str, peer: PlatformPeer | ToolTraffic, own: Mapping[str, str] = NO_LABELS
) -> Object:
    """Traffic with pods of the platform: of the tenant's pods with the labels `own`, or of all."""
    ports = (
        {"ports": [{"protocol": "TCP", "port": port} for port in peer.ports]} if peer.ports else {}
    )
    ways = {"ingress": "from", "egress": "to"}
    rules = {
        way: [{key: [pods(peer)], **ports}]
        for way, key in ways.items()
        if peer.direction in (way, "both")
    }
    chosen = {"podSelector": {"matchLabels": dict(own)}} if own else {}
    return policy(namespace, name, **chosen, **rules)


def to_port(cidr: Network, port: int) -> Object:
    """The way to one TCP port of some addresses, as a rule of egress."""
    return {
        "to": [{"ipBlock": {"cidr": str(cidr)}}],
        "ports": [{"protocol": "TCP", "port": port}],
    }


def network_policies(
    platform: Platform,
    tenant: Tenant,
    tenants: Mapping[str, Tenant],
    namespace: str,
    tools: Toolset = NO_TOOLS,
) -> list[Object]:
    """The NetworkPolicies of one of the tenant's namespaces; `tenants` is everyone, for consent
    between tenants."""
    network = platform.spec.network
    policies = [
        policy(namespace, POLICY_DEFAULT_DENY, ingress=[], egress=[]),
        policy(namespace, names.POLICY_DNS, egress=dns_rules(network.dns)),
        policy(namespace, names.POLICY_GATEWAY, ingress=[{"from": _data_planes(platform, tenant)}]),
    ]
    if tenant.spec.network.internal == "open":
        own = [tenant_peer(tenant.name)]
        policies.append(
            policy(
                namespace, names.POLICY_SAME_TENANT, ingress=[{"from": own}], egress=[{"to": own}]
            )
        )
    else:  # engines write no policies: what opens a network is nobody's to write as a tenant
        workers: Object = {"podSelector": {"matchLabels": WORKERS}}
        policies.append(
            policy(
                *(namespace, names.POLICY_WORKERS),
                **workers,
                ingress=[{"from": [workers]}],
                egress=[{"to": [workers]}],
            )
        )
    for peer in platform_peers(platform, tenant):
        policies.append(_peer(namespace, names.platform_peer(peer.name), peer))
    for tool in tools.tools:
        policies += [
            _peer(namespace, names.tool_traffic(tool.name, way.name), way, way.to)
            for way in tool.spec.traffic
        ]
    if blocks := egress_blocks(platform, tenant):
        policies.append(
            policy(namespace, POLICY_EGRESS, egress=[{"to": blocks, "ports": _NOT_DNS}])
        )
    if tenant.spec.network.api_server and network.api_servers:
        rules = [to_port(server.cidr, server.port) for server in network.api_servers]
        policies.append(policy(namespace, POLICY_API_SERVER, egress=rules))
    if tenant.spec.network.workload_identity and network.workload_identity:
        servers = METADATA_SERVERS[network.workload_identity]
        rules = [to_port(cidr, port) for cidr, port in servers]
        policies.append(policy(namespace, names.POLICY_WORKLOAD_IDENTITY, egress=rules))
    if peers := [tenant_peer(name) for name in consenting_peers(tenant, tenants)]:
        policies.append(
            policy(namespace, names.POLICY_PEERS, ingress=[{"from": peers}], egress=[{"to": peers}])
        )
    return policies
