"""What NetworkPolicies say, worked out without a packet (networking.k8s.io/v1, by its API
reference).

Used where nothing listens at an address, so that a drop cannot be told from silence, and for whole
tenants at once.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from manor.api.addresses import Network, overlaps, within

Object = dict[str, Any]
Address = IPv4Address | IPv6Address
Labels = Mapping[str, str]


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Whether a label selector selects these labels; an empty one selects everything."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_fits(term, labels) for term in selector.get("matchExpressions", []))


def _fits(term: Mapping[str, Any], labels: Labels) -> bool:
    key, values = term["key"], term.get("values", [])
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[term["operator"]]


def types(policy: Object) -> set[str]:
    """The directions that a policy restricts; Egress only where it is said or implied by rules."""
    spec = policy["spec"]
    return set(
        spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    )


def applying(policies: Sequence[Object], direction: str, pod: Labels) -> list[Object]:
    """The policies that restrict a pod with these labels in this direction."""
    return [
        p
        for p in policies
        if direction in types(p) and selects(p["spec"].get("podSelector", {}), pod)
    ]


def _opening(policies: Sequence[Object], direction: str, pod: Labels | None) -> list[Object] | None:
    """The policies whose rules open something to a pod, or to any where `pod` is None, as a tenant
    labels its pods itself; None where nothing restricts it."""
    closing = applying(policies, direction, pod or {})
    if pod is not None or not closing:
        return closing or None
    return [p for p in policies if direction in types(p)]


def _port_fits(rule: Object, protocol: str, port: int | None) -> bool:
    ports = rule.get("ports") or []
    if not ports or port is None:
        return True
    for entry in ports:
        first = entry.get("port")
        last = entry.get("endPort", first)
        named = isinstance(first, str)
        inside = first is None or named or (isinstance(first, int) and first <= port <= last)
        if entry.get("protocol", "TCP") == protocol and inside:
            return True
    return False


def _in_block(block: Object, network: Network) -> bool:
    """Whether a block has an address of the network."""
    cidr = ip_network(block["cidr"], strict=False)
    if not overlaps(cidr, network):
        return False
    left = [network if within(network, cidr) else cidr]
    for excepted in block.get("except", []):
        barred = ip_network(excepted, strict=False)
        left = [rest for part in left for rest in _without(part, barred)]
    return bool(left)


def _without(network: Network, barred: Network) -> list[Network]:
    """What is left of a network."""
    if not overlaps(network, barred):
        return [network]
    if within(network, barred):
        return []
    return list(network.address_exclude(barred))  # type: ignore[arg-type]


def egress_to(
    policies: Sequence[Object],
    target: str,
    port: int | None = None,
    protocol: str = "TCP",
    pod: Labels | None = None,
) -> str | None:
    """What lets a pod of the namespace, or any, connect to an address, or one of a network; None
    where no rule with addresses does."""
    opening = _opening(policies, "Egress", pod)
    if opening is None:
        return "no policy restricts egress"
    network = ip_network(target)
    for policy in opening:
        for rule in policy["spec"].get("egress") or []:
            peers = rule.get("to") or []
            blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
            if _port_fits(rule, protocol, port) and (
                not peers or any(_in_block(b, network) for b in blocks)
            ):
                return f"NetworkPolicy {policy['metadata']['name']}"
    return None


def admits_by_address(policies: Sequence[Object], networks: Sequence[Network]) -> str | None:
    """What lets in whoever has an address of these networks, whatever pod it is; None where nothing
    does."""
    for policy in _opening(policies, "Ingress", None) or ():
        for rule in policy["spec"].get("ingress") or []:
            for peer in rule.get("from") or []:
                block = peer.get("ipBlock")
                if block and any(_in_block(block, network) for network in networks):
                    return f"NetworkPolicy {policy['metadata']['name']}"
    return None


def peer_admits(
    peer: Object, home: str, namespace: str, namespace_labels: Labels, pod: Labels | None
) -> bool:
    """Whether a peer of a policy in namespace `home` stands for a pod; `pod` None means a pod with
    the best labels."""
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], namespace_labels):
            return False
    elif namespace != home:
        return False
    return pod is None or selects(peer.get("podSelector", {}), pod)


def admits(
    policies: Sequence[Object],
    direction: str,
    namespace: str,
    namespace_labels: Labels,
    pod: Labels | None = None,
    peer: Labels | None = None,
) -> str | None:
    """What lets pods of another namespace in (Ingress) or out to it (Egress): pods with the labels
    `peer`, or any; to `pod`, or any."""
    opening = _opening(policies, direction, pod)
    if opening is None:
        return f"no policy restricts {direction.lower()}"
    key = "from" if direction == "Ingress" else "to"
    for policy in opening:
        home = policy["metadata"]["namespace"]
        for rule in policy["spec"].get(direction.lower()) or []:
            peers = rule.get(key) or []
            if not peers or any(
                peer_admits(p, home, namespace, namespace_labels, peer) for p in peers
            ):
                return f"NetworkPolicy {policy['metadata']['name']}"
    return None
