"""What the tenants themselves, or the platform, have asked for: what is open by their word is no
hole.

Worked out from the specs alone, not from what Manor wrote: a policy that opens more than was asked
for is a hole.
"""

from ipaddress import IPv4Network, ip_address

from manor.api import Platform, Tenant
from manor.api.addresses import METADATA_SERVERS
from manor.verify.netpol import Address
from manor.verify.team import Team

METADATA = (
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd20:ce::254",
)
"""Where clouds answer with a node's credentials: AWS, GCP, Azure; AWS's containers; Alibaba; AWS
and GCP by IPv6."""


def traffic(one: Team, other: Team) -> str | None:
    """The words by which two tenants let each other in; None where one of them does not."""
    return "network.allow of both tenants" if consent(one.tenant, other.tenant) else None


def egress(
    team: Team, platform: Platform | None, host: str, port: int, api_service: str
) -> str | None:
    """The words by which a tenant may connect to an address that is no pod's; None where it may
    not."""
    if team.tenant is None or platform is None:
        return None
    network, address = team.tenant.spec.network, ip_address(host)
    if network.api_server and (
        (host, port) == (api_service, 443)
        or any(
            address in server.cidr and port == server.port
            for server in platform.spec.network.api_servers
        )
    ):
        return "network.apiServer of the tenant"
    if any(address in cidr and port == open_ for cidr, open_ in metadata_servers(team, platform)):
        return "network.workloadIdentity of the tenant"
    if port in (0, 53) or never(platform, address):  # names are resolved by the cluster's DNS alone
        return None
    if network.egress.internet and (address.version == 4 or _knows_ipv6(platform)):
        return "network.egress.internet of the tenant"
    if any(address in cidr for cidr in network.egress.cidrs):
        return "network.egress.cidrs of the tenant"
    return None


def metadata_servers(team: Team, platform: Platform | None) -> tuple[tuple[IPv4Network, int], ...]:
    """Where the tenant's pods may ask for a cloud identity of their own, by its word and the
    platform's."""
    if team.tenant is None or platform is None or not team.tenant.spec.network.workload_identity:
        return ()
    return METADATA_SERVERS.get(platform.spec.network.workload_identity or "", ())


def never(platform: Platform, address: Address) -> bool:
    """Whether no tenant may ask for this address: the cluster's own, and what is never anybody's on
    the internet."""
    network = platform.spec.network
    barred = (
        *network.pod_cidrs,
        *network.service_cidrs,
        *network.node_cidrs,
        *network.blocked_cidrs,
    )
    return (
        any(address in cidr for cidr in barred)
        or str(address) in METADATA
        or address.is_link_local
        or address.is_loopback
        or address.is_multicast
        or address.is_unspecified
    )


def _knows_ipv6(platform: Platform) -> bool:
    return any(cidr.version == 6 for cidr in platform.spec.network.node_cidrs)


def consent(one: Tenant | None, other: Tenant | None) -> bool:
    """Whether two tenants allow each other."""
    if one is None or other is None:
        return False
    return other.name in one.spec.network.allow and one.name in other.spec.network.allow
