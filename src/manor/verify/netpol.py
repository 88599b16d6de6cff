"""What NetworkPolicies say, worked out without a packet (networking.k8s.io/v1, by its API
reference).

Used where nothing listens at an address, so that a drop cannot be told from silence, and for whole
tenants at once.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

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


def _in_block(block: Object, address: Address) -> bool:
    def inside(cidr: str) -> bool:
        network = ip_network(cidr)
        return network.version == address.version and address in network

    return inside(block["cidr"]) and not any(inside(cidr) for cidr in block.get("except", []))


def egress_to(
    policies: Sequence[Object],
    address: str,
    port: int | None = None,
    protocol: str = "TCP",
    pod: Labels | None = None,
) -> str | None:
    """What lets a pod of the namespace connect to an address that is no pod's; None where nothing
    does."""
    restricting = applying(policies, "Egress", pod or {})
    if not restricting:
        return "no policy restricts egress"
    target = ip_address(address)
    for policy in restricting:
        for rule in policy["spec"].get("egress") or []:
            peers = rule.get("to") or []
            blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
            if _port_fits(rule, protocol, port) and (
                not peers or any(_in_block(b, target) for b in blocks)
            ):
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
    `peer`, or any."""
    restricting = applying(policies, direction, pod or {})
    if not restricting:
        return f"no policy restricts {direction.lower()}"
    key = "from" if direction == "Ingress" else "to"
    for policy in restricting:
        home = policy["metadata"]["namespace"]
        for rule in policy["spec"].get(direction.lower()) or []:
            peers = rule.get(key) or []
            if not peers or any(
                peer_admits(p, home, namespace, namespace_labels, peer) for p in peers
            ):
                return f"NetworkPolicy {policy['metadata']['name']}"
    return None
