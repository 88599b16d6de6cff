"""Addresses and networks as specs write them, and those that no tenant ever reaches."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from manor.api.meta import Once, cel

_ADVICE = "write a network such as 10.0.0.0/8, or a single address as 10.0.0.1/32"


def _network(value: Any) -> IPv4Network | IPv6Network:
    if not re.fullmatch(r"[0-9a-fA-F.:]+/(0|[1-9][0-9]{0,2})", str(value)):
        raise ValueError(f"{value!r} is not a network; {_ADVICE}")
    try:
        network = ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"{error}; {_ADVICE}") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError(f"{value} is an IPv4 network in the clothes of IPv6; write it as IPv4")
    return network


Network = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "cidr",
            "maxLength": 43,
            **cel(
                (
                    "isCIDR(self) && cidr(self) == cidr(self).masked()",
                    (
                        "not a network; write one such as 10.0.0.0/8, or a single address as "
                        "10.0.0.1/32"
                    ),
                )
            ),
        }
    ),
]
"""An IPv4 or IPv6 network in CIDR notation."""

Networks = Annotated[list[Network], Field(max_length=128), Once()]


def _address(value: Any) -> IPv4Address | IPv6Address:
    try:
        return ip_address(str(value))
    except ValueError as error:
        raise ValueError(f"{error}; write a single address such as 169.254.20.10") from None


Address = Annotated[
    IPv4Address | IPv6Address,
    PlainValidator(_address),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": 45,
            **cel(("isIP(self)", "not an address; write one as 169.254.20.10")),
        }
    ),
]
"""An IPv4 or IPv6 address."""

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
"""Never reached from a tenant, whatever it asks: link-local (RFC 3927, RFC 4291) and site-local
(RFC 3879), which hold metadata addresses of clouds; Alibaba's, Azure's, AWS's, GCP's and OCI's
others; loopback, this-network, multicast, reserved (RFC 1112); 6to4 (RFC 7526), which leads to IPv4
addresses under another name."""

METADATA_SERVERS: Mapping[str, tuple[tuple[IPv4Network, int], ...]] = {
    "gke": ((IPv4Network("169.254.169.254/32"), 80), (IPv4Network("169.254.169.252/32"), 988)),
}
"""Where a pod asks who it is, by the Platform's `network.workloadIdentity`. GKE's: the first with
Dataplane V2, the second without it ("Control communication between Pods and Services using network
policies" in Google's documentation)."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 addresses under another name, where the network translates (RFC 6052)."""


def overlaps(one: Network, other: Network) -> bool:
    """Whether two networks have an address in common."""
    return one.version == other.version and one.overlaps(other)


def within(one: Network, other: Network) -> bool:
    """Whether all of `one` is in `other`."""
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def barred(networks: Iterable[Network]) -> list[Network]:
    """These networks and `NEVER`, and all of them by NAT64."""
    every = [*networks, *NEVER]
    return [*every, *(_by_nat64(net) for net in every if isinstance(net, IPv4Network))]


def _by_nat64(net: IPv4Network) -> IPv6Network:
    return IPv6Network((int(_NAT64.network_address) + int(net.network_address), 96 + net.prefixlen))
