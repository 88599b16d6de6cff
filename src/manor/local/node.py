"""What is decided about a node when it is made, and where each of its files lies.

Everything else (addresses, command lines, configuration) is computed from this record, so that `up`
after a reboot finds the same node, and the supervisor needs one file to start from.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from manor.local.errors import NodeNameError, NoSuchNode

POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
DNS_ADDRESS = "10.96.0.10"
CLUSTER_DOMAIN = "cluster.local"
# Every node has a /30 of its own in here: .1 the host's end of the veth pair, .2 the node's.
NODE_NETWORKS = IPv4Network("172.30.0.0/16")
INGRESS_PORT = 30080

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def state_home() -> Path:
    """Where nodes keep their state: the system's place for root, the user's own for others."""
    if os.geteuid() == 0:
        return Path("/var/lib/manor")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "manor"


@dataclass(frozen=True)
class Ports:
    """TCP ports of the control plane; chosen free ones when it shares the host's network."""

    apiserver: int = 6443
    etcd: int = 2379
    etcd_peer: int = 2380
    controller_manager: int = 10257


@dataclass(frozen=True)
class Node:
    """One node of this machine, as recorded in its state directory.

    `index` picks its /30 network; it has none with `api_only`, which runs on the host's loopback
    address. `bin` and `share` are where its binaries and their data files lie.
    """

    name: str
    api_only: bool
    ephemeral: bool
    ports: Ports
    bin: str
    share: str
    index: int | None = None

    @property
    def network(self) -> IPv4Network:
        """The node's own /30."""
        if self.index is None:
            raise ValueError(f"node {self.name!r} is an API server alone, on the host's network")
        return network_of(self.index)

    @property
    def address(self) -> str:
        """The IP address on which the node is reached from the host."""
        return "127.0.0.1" if self.index is None else str(self.network[2])

    @property
    def host_address(self) -> IPv4Address:
        """The host's end of the veth pair."""
        return self.network[1]

    @property
    def interface(self) -> str:
        """The host's end of the veth pair, by name."""
        return f"manor{self.index}"

    @property
    def namespace(self) -> str:
        """The network namespace, by name."""
        return f"manor-{self.name}"

    @property
    def cgroup(self) -> str:
        """The control group of the node and its pods."""
        return f"/manor/{self.name}"

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{self.address}:{self.ports.apiserver}"

    @property
    def ingress(self) -> str:
        """URL of the gateway; which site answers is decided by the Host header."""
        return f"http://{self.address}:{INGRESS_PORT}"

    @property
    def home(self) -> Path:
        """The state directory."""
        return state_home() / self.name

    @property
    def files(self) -> "Files":
        """Where each of its files lies."""
        return Files(self.home)

    def save(self) -> None:
        """Record the node in its state directory."""
        write_file(self.files.record, json.dumps(asdict(self), indent=2) + "\n")


@dataclass(frozen=True)
class Files:
    """Paths inside a state directory."""

    home: Path

    @property
    def record(self) -> Path:
        """What this node is."""
        return self.home / "node.json"

    @property
    def process(self) -> Path:
        """Which process holds the node's namespaces, and since when."""
        return self.home / "process.json"

    @property
    def complete(self) -> Path:
        """There when everything was ready after the last start."""
        return self.home / "complete"

    @property
    def status(self) -> Path:
        """What the supervisor knows of its components."""
        return self.home / "status.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.home / "kubeconfig"

    @property
    def merged(self) -> Path:
        """The kubeconfig files of the user that hold an entry of this node, one a line."""
        return self.home / "merged"

    @property
    def bin(self) -> Path:
        """Links by which the multi-call binary is started as each component."""
        return self.home / "bin"

    @property
    def certificates(self) -> Path:
        """Authorities, certificates and keys."""
        return self.home / "certificates"

    @property
    def config(self) -> Path:
        """Configuration files of the components, kubeconfigs included."""
        return self.home / "config"

    @property
    def logs(self) -> Path:
        """One file a component."""
        return self.home / "logs"

    @property
    def data(self) -> Path:
        """What the components store: etcd, containerd, kubelet, volumes."""
        return self.home / "data"

    @property
    def volumes(self) -> Path:
        """The volumes of class `standard`."""
        return self.data / "volumes"

    @property
    def forwarding(self) -> Path:
        """The part of the cluster DNS' configuration that says for whom it forwards."""
        return self.data / "dns"


def network_of(index: int) -> IPv4Network:
    """The /30 of that index."""
    return IPv4Network((int(NODE_NETWORKS.network_address) + 4 * index, 30))


def check_name(name: str) -> None:
    """Refuse what cannot be a host name, an interface's owner and a folder at once."""
    if not _NAME.fullmatch(name):
        raise NodeNameError(
            f"{name!r} cannot name a node: use up to 32 lower-case letters, digits and '-', "
            "beginning and ending with a letter or digit"
        )


def load_node(name: str) -> Node:
    """The recorded node of that name."""
    check_name(name)
    try:
        record = json.loads(Files(state_home() / name).record.read_text())
    except FileNotFoundError:
        known = ", ".join(node.name for node in list_nodes()) or "none"
        raise NoSuchNode(
            f"there is no node {name!r} on this machine (there are: {known}); `manor local up "
            f"--name {name}` makes it"
        ) from None
    return Node(**{**record, "ports": Ports(**record["ports"])})


def list_nodes() -> Iterator[Node]:
    """Every recorded node of this machine."""
    for record in sorted(state_home().glob("*/node.json")):
        yield load_node(record.parent.name)


def write_file(path: Path, text: str | bytes, mode: int = 0o600) -> None:
    """Write a whole file or nothing, readable by its owner alone unless `mode` says otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    temporary.replace(path)
