"""The files that the components read: certificates, kubeconfigs and their configuration. Written
anew by every `up`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from manor.local.certificates import Authority, Wanted, make_signing_key
from manor.local.components import CONTAINERD_SOCKET
from manor.local.kubeconfig import context_of, render_kubeconfig
from manor.local.node import CLUSTER_DOMAIN, DNS_ADDRESS, POD_CIDR, Node, write_file

_KUBERNETES = "kubernetes.default.svc"
# The first address of the service network, which is the API server's.
_KUBERNETES_ADDRESS = "10.96.0.1"
_MULTI_CALL = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
)


def write_configuration(node: Node, images: Mapping[str, str]) -> None:
    """Write every file that the components of this node read; `images` gives the references of
    those it runs."""
    issue_certificates(node)
    for file, (certificate, user) in _kubeconfigs(node).items():
        write_file(file, render_kubeconfig(node, certificate, user))
    write_file(node.files.config / "authentication.yaml", yaml.safe_dump(_authentication()))
    node.files.logs.mkdir(mode=0o700, exist_ok=True)
    node.files.data.mkdir(mode=0o700, exist_ok=True)
    node.files.bin.mkdir(exist_ok=True)
    for name in _MULTI_CALL:
        (node.files.bin / name).unlink(missing_ok=True)
        (node.files.bin / name).symlink_to(Path(node.bin) / "kube")
    if not node.api_only:
        _write_node_files(node, images["pause"])


def issue_certificates(node: Node) -> bool:
    """Make the authorities once, and every certificate that is missing, wrong or near its end; True
    if any was."""
    pki = node.files.certificates
    local = ("localhost", "127.0.0.1")
    serving = (
        *local,
        node.address,
        _KUBERNETES_ADDRESS,
        "kubernetes",
        "kubernetes.default",
        _KUBERNETES,
    )
    cluster = [
        Wanted("apiserver", "kube-apiserver", hosts=(*serving, f"{_KUBERNETES}.{CLUSTER_DOMAIN}")),
        Wanted("local", "manor", hosts=local),
        Wanted("apiserver-kubelet", "kube-apiserver-kubelet-client", ("manor:apiserver",)),
        Wanted("admin", "manor-admin", ("system:masters",)),
        Wanted("controller-manager", "system:kube-controller-manager"),
        Wanted("scheduler", "system:kube-scheduler"),
    ]
    if not node.api_only:
        kubelet = f"system:node:{node.name}"
        cluster += [
            Wanted("kubelet", kubelet, ("system:nodes",)),
            Wanted("kubelet-serving", kubelet, ("system:nodes",), (node.name, node.address)),
            Wanted("proxy", "system:kube-proxy"),
            Wanted("cilium", "manor:cilium"),
            Wanted("housekeeper", "manor:housekeeper"),
        ]
    etcd = [Wanted("etcd", "etcd", hosts=local), Wanted("etcd-client", "kube-apiserver")]
    front_proxy = [Wanted("front-proxy-client", "front-proxy-client")]
    make_signing_key(pki)
    wanted = {"ca": cluster, "etcd-ca": etcd, "front-proxy-ca": front_proxy}
    issued = [
        Authority(pki, name).issue(each) for name, several in wanted.items() for each in several
    ]
    return any(issued)


def user_kubeconfig(node: Node, user: str, groups: tuple[str, ...] = ()) -> Path:
    """A kubeconfig with a client certificate of that user and groups, to try the cluster as
    somebody else."""
    name = f"user-{user.replace('/', '_')}"
    Authority(node.files.certificates, "ca").issue(Wanted(name, user, groups))
    path = node.home / f"{name}.kubeconfig"
    write_file(path, render_kubeconfig(node, name, user))
    return path


def _kubeconfigs(node: Node) -> dict[Path, tuple[str, str]]:
    names = [
        "controller-manager",
        "scheduler",
        *([] if node.api_only else ["kubelet", "proxy", "cilium", "housekeeper"]),
    ]
    files = {node.files.config / f"{name}.kubeconfig": (name, name) for name in names}
    return {**files, node.files.kubeconfig: ("admin", context_of(node))}


def _authentication() -> dict[str, Any]:
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": {
            "enabled": True,
            "conditions": [{"path": path} for path in ("/livez", "/readyz", "/healthz")],
        },
    }


def _write_node_files(node: Node, pause: str) -> None:
    config = node.files.config
    write_file(config / "kubelet.yaml", yaml.safe_dump(_kubelet(node)))
    write_file(config / "proxy.yaml", yaml.safe_dump(_proxy(node)))
    write_file(config / "containerd.toml", _containerd(node, pause))
    # Written before containerd starts: it misses the rename by which the agent would write it
    # later.
    network = {"cniVersion": "1.0.0", "name": "cilium", "plugins": [{"type": "cilium-cni"}]}
    write_file(config / "cni" / "05-cilium.conflist", json.dumps(network))
    write_file(config / "resolv.conf", _resolver(node), mode=0o644)
    node.files.volumes.mkdir(mode=0o700, exist_ok=True)
    node.files.forwarding.mkdir(mode=0o755, exist_ok=True)
    (node.files.data / "log").mkdir(mode=0o755, exist_ok=True)


def _kubelet(node: Node) -> dict[str, Any]:
    pki = node.files.certificates
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki / 'ca.crt'}"},
        },
        "authorization": {"mode": "Webhook"},
        "readOnlyPort": 0,
        "tlsCertFile": f"{pki / 'kubelet-serving.crt'}",
        "tlsPrivateKeyFile": f"{pki / 'kubelet-serving.key'}",
        "tlsMinVersion": "VersionTLS12",
        "enableProfilingHandler": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": node.cgroup,
        # Machines with cgroup v1 are still about; the kubelet refuses them unless told.
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": f"{node.files.config / 'resolv.conf'}",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "volumePluginDir": f"{node.files.data / 'volume-plugins'}",
        "podPidsLimit": 4096,
        "seccompDefault": True,
        "serializeImagePulls": False,
        "shutdownGracePeriod": "0s",
        # Evicting for a full disk of the host helps nobody here.
        "evictionHard": {"memory.available": "100Mi"},
        "imageGCHighThresholdPercent": 100,
    }


def _proxy(node: Node) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "bindAddress": node.address,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clientConnection": {"kubeconfig": f"{node.files.config / 'proxy.kubeconfig'}"},
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": node.name,
        # The limits of connection tracking belong to the machine, not to this node.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


def _containerd(node: Node, pause: str) -> str:
    data = node.files.data / "containerd"
    runtime = "io.containerd.cri.v1.runtime"
    return f"""\
version = 3
root = "{data}"
state = "/run/containerd"

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"

[plugins."{runtime}"]
# Without CAP_SYS_RESOURCE no process may lower its own score, and every sandbox would fail.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins."{runtime}".cni]
bin_dirs = ["{node.bin}"]
conf_dir = "{node.files.config / "cni"}"

[plugins."{runtime}".containerd]
default_runtime_name = "runc"

[plugins."{runtime}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."{runtime}".containerd.runtimes.runc.options]
BinaryName = "{node.bin}/runc"
SystemdCgroup = false

[plugins."io.containerd.nri.v1.nri"]
disable = true
"""


def _resolver(node: Node) -> str:
    """The host's name servers, less those on its loopback address, which the node cannot reach."""
    resolved = Path("/run/systemd/resolve/resolv.conf")
    source = resolved if resolved.exists() else Path("/etc/resolv.conf")
    servers = [
        line.split()[1]
        for line in source.read_text().splitlines()
        if line.startswith("nameserver ")
    ]
    usable = [server for server in servers if not server.startswith("127.") and server != "::1"]
    # CoreDNS wants at least one to forward to; where the host has none, foreign names fail, as they
    # do there.
    return "".join(f"nameserver {server}\n" for server in usable or [str(node.host_address)])
