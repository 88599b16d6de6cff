"""The node's network namespace and the veth pair by which the host reaches it.

The host's own tables are left alone. Beside them lies one of ours for each node, by which it gets
out to where the host can go: to registries, and wherever the pods' network policies let them.
"""

import json
import subprocess
from ipaddress import IPv4Network, ip_network
from pathlib import Path

from manor.local.errors import LocalError
from manor.local.node import NODE_NETWORKS, POD_CIDR, Node, network_of

_QUESTIONS = 200  # packets to port 53 a second and pod


def choose_index(taken: set[int]) -> int:
    """The first /30 that neither another node has nor anything else on this host."""
    used = [network for network in _host_networks() if network.prefixlen > 0]
    for index in range(NODE_NETWORKS.num_addresses // 4):
        if index not in taken and not any(network.overlaps(network_of(index)) for network in used):
            return index
    raise LocalError(f"no free network for a node is left in {NODE_NETWORKS}")


def create(node: Node) -> None:
    """Make the namespace and the veth pair anew."""
    remove(node)
    network, inside = node.network.prefixlen, ["-n", node.namespace]
    _ip("netns", "add", node.namespace)
    _ip(
        "link",
        "add",
        node.interface,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        node.namespace,
    )
    _ip("address", "add", f"{node.host_address}/{network}", "dev", node.interface)
    _ip("link", "set", node.interface, "up")
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "address", "add", f"{node.address}/{network}", "dev", "eth0")
    _ip(*inside, "link", "set", "eth0", "up")
    _ip(*inside, "route", "add", "default", "via", str(node.host_address))
    _let_out(node)
    _bound_questions(node)


def remove(node: Node) -> None:
    """Remove what `create` made; nothing where it is gone already."""
    # The pair goes with either of its ends; a namespace without processes may take a moment to take
    # its own along.
    if Path(f"/sys/class/net/{node.interface}").exists():
        _ip("link", "delete", node.interface)
    if Path(f"/run/netns/{node.namespace}").exists():
        _ip("netns", "delete", node.namespace)
    # Added first, so that there is one to delete.
    _run("nft", f"add table ip {node.interface}; delete table ip {node.interface}")


def _let_out(node: Node) -> None:
    """Let its packets go on in the host's name, and none to the host itself but answers and
    questions for names.

    To a pod that may reach the internet, each address of this machine would be a part of it.
    """
    rule = f'ip saddr {node.address} oifname != "{node.interface}" masquerade'
    out = f"chain out {{ type nat hook postrouting priority srcnat; {rule}; }};"
    names = "meta l4proto { tcp, udp } th dport 53 accept"
    rules = (
        f'iifname != "{node.interface}" accept; ct state established,related accept; {names}; drop'
    )
    into = f"chain in {{ type filter hook input priority filter; {rules}; }};"
    _run("nft", f"table ip {node.interface} {{ {out} {into} }}")


def _bound_questions(node: Node) -> None:
    """Let no pod ask the cluster's DNS so much that others get no answer: in the node's
    own tables."""
    clients = "set clients { type ipv4_addr; flags dynamic; size 65536; timeout 1m; };"
    bound = (
        f"update @clients {{ ip saddr limit rate over {_QUESTIONS}/second burst {_QUESTIONS} "
        f"packets }} drop"
    )
    rule = f"ip saddr {POD_CIDR} meta l4proto {{ tcp, udp }} th dport 53 {bound}"
    chain = f"chain dns {{ type filter hook forward priority filter; {rule}; }};"
    _ip("netns", "exec", node.namespace, "nft", f"table ip manor {{ {clients} {chain} }}")


def _host_networks() -> list[IPv4Network]:
    routes = json.loads(_ip("-json", "-4", "route", "show", "table", "all"))
    found = (
        ip_network(route["dst"], strict=False) for route in routes if route["dst"][0].isdigit()
    )
    return [network for network in found if isinstance(network, IPv4Network)]


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout
