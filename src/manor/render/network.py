"""NetworkPolicies: nothing in, nothing out, then what a tenant needs.

Only the platform writes these: NetworkPolicies add up, so a tenant who could write one could undo the rest.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network

from manor.api import Platform, Tenant
from manor.api.platform import Network, PodSelector
from manor.render import labels, names
from manor.render.objects import Object, make

NEVER = tuple(
    [
        IPv4Network(cidr)
        for cidr in (
            *("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
            *("127.0.0.0/8", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"),
        )
    ]
    + [
        IPv6Network(cidr)
        for cidr in (
            *("fe80::/10", "fec0::/10", "fd00:ec2::/32", "fd20:ce::254/128"),
            *("::1/128", "ff00::/8", "2002::/16"),
        )
    ]
)
"""Never reached from a tenant, whatever it asks: link-local (RFC 3927, RFC 4291) and site-local (RFC 3879), which hold
metadata addresses of clouds; Alibaba's, Azure's, AWS's, GCP's and OCI's others; loopback, this-network, multicast,
reserved (RFC 1112); 6to4 (RFC 7526), which leads to IPv4 addresses under another name."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 addresses under another name, where the network translates (RFC 6052)."""


_NOT_DNS = [
    {"protocol": protocol, "port": first, "endPort": last}
    for protocol in ("TCP", "UDP")
    for first, last in ((1, 52), (54, 65535))
]
"""Every port but DNS's: names are resolved by the cluster's DNS alone."""


def forbidden(platform: Platform) -> list[Network]:
    """Every network that no tenant's egress may name: the cluster's own and `NEVER`, by NAT64 too."""
    network = platform.spec.network
    barred = [*network.pod_cidrs, *network.service_cidrs, *network.node_cidrs, *network.blocked_cidrs, *NEVER]
    return [*barred, *(_by_nat64(net) for net in barred if isinstance(net, IPv4Network))]


def _by_nat64(net: IPv4Network) -> IPv6Network:
    return IPv6Network((int(_NAT64.network_address) + int(net.network_address), 96 + net.prefixlen))


def _policy(namespace: str, name: str, **spec: object) -> Object:
    types = [kind for kind in ("Ingress", "Egress") if kind.lower() in spec]
    return make(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        name,
        namespace,
        spec={"podSelector": {}, "policyTypes": types, **spec},
    )


def _tenant_peer(tenant: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {labels.TENANT: tenant}}}


def _pods(selector: PodSelector) -> Object:
    peer: Object = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": selector.namespace}}}
    if selector.labels:
        peer["podSelector"] = {"matchLabels": dict(selector.labels)}
    return peer


def _overlaps(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def ip_block(cidr: Network, barred: Iterable[Network]) -> Object | None:
    """The network less what is barred in it; None when nothing of it is left."""
    overlapping = [net for net in barred if _overlaps(cidr, net)]
    if any(_within(cidr, net) for net in overlapping):
        return None
    widest = [net for net in overlapping if not any(net != other and _within(net, other) for other in overlapping)]
    block: Object = {"cidr": str(cidr)}
    if widest:
        block["except"] = [str(net) for net in sorted(set(widest), key=lambda n: (int(n.network_address), n.prefixlen))]
    return {"ipBlock": block}


def _egress_blocks(platform: Platform, tenant: Tenant) -> list[Object]:
    egress = tenant.spec.network.egress
    everywhere: list[Network] = [IPv4Network("0.0.0.0/0")]
    # Where the Platform knows no IPv6 address of a node, it cannot keep the nodes out of ::/0.
    if any(net.version == 6 for net in platform.spec.network.node_cidrs):
        everywhere.append(IPv6Network("::/0"))
    blocks = [ip_block(cidr, forbidden(platform)) for cidr in [*(everywhere if egress.internet else []), *egress.cidrs]]
    return [block for block in blocks if block is not None]


def consenting_peers(tenant: Tenant, tenants: Mapping[str, Tenant]) -> list[str]:
    """The tenants that this one allows and that allow it in turn, sorted."""
    return sorted(
        name
        for name in set(tenant.spec.network.allow)
        if (peer := tenants.get(name)) is not None and tenant.name in peer.spec.network.allow
    )


def network_policies(platform: Platform, tenant: Tenant, tenants: Mapping[str, Tenant], namespace: str) -> list[Object]:
    """The NetworkPolicies of one of the tenant's namespaces; `tenants` is everyone, for consent between tenants."""
    network = platform.spec.network
    own = [_tenant_peer(tenant.name)]
    dns_ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    policies = [
        _policy(namespace, names.POLICY_DEFAULT_DENY, ingress=[], egress=[]),
        _policy(namespace, names.POLICY_SAME_TENANT, ingress=[{"from": own}], egress=[{"to": own}]),
        _policy(namespace, names.POLICY_DNS, egress=[{"to": [_pods(network.dns)], "ports": dns_ports}]),
        _policy(namespace, names.POLICY_GATEWAY, ingress=[{"from": list(map(_pods, platform.spec.data_planes))}]),
    ]
    if blocks := _egress_blocks(platform, tenant):
        policies.append(_policy(namespace, names.POLICY_EGRESS, egress=[{"to": blocks, "ports": _NOT_DNS}]))
    if tenant.spec.network.api_server and network.api_servers:
        rules = [
            {"to": [{"ipBlock": {"cidr": str(server.cidr)}}], "ports": [{"protocol": "TCP", "port": server.port}]}
            for server in network.api_servers
        ]
        policies.append(_policy(namespace, names.POLICY_API_SERVER, egress=rules))
    if peers := [_tenant_peer(name) for name in consenting_peers(tenant, tenants)]:
        policies.append(_policy(namespace, names.POLICY_PEERS, ingress=[{"from": peers}], egress=[{"to": peers}]))
    return policies
