"""The command line of every component: pure functions of the node's record.

Flags follow the CIS Kubernetes Benchmark where that costs nothing: no anonymous access but to
health paths, no profiling, etcd and the kubelet behind client certificates, what only the node
itself uses on its loopback address.
"""

import sys
from dataclasses import dataclass, field

from manor.local.node import POD_CIDR, SERVICE_CIDR, Node

# In the mount namespace of the node /run is its own, so these need no name and no removal.
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
HOUSEKEEPER_SOCKET = "/run/manor/housekeeper.sock"
ISSUER = "https://kubernetes.default.svc.cluster.local"
# Each set of these labels is an identity for Cilium, of which a cluster has 65,535: did all labels
# count, each Job and each label that somebody makes up would take another. NetworkPolicies select
# pods by these alone.
IDENTITY_LABELS = (
    r"io\.kubernetes\.pod\.namespace",
    r"io\.cilium\.k8s\.namespace\.labels",  # only the platform labels namespaces
    r"manor\.dev/",
    r"gateway\.envoyproxy\.io/",
    "k8s-app",
    r"app\.kubernetes\.io/(name|instance|component|part-of|managed-by)$",
    "(app|role|tier|segment)$",
)


@dataclass(frozen=True)
class Component:
    """A process of the node.

    `ready` is where the supervisor looks whether it is: a URL of scheme http or https that must
    answer 200, tcp or unix for one that must accept a connection. `after` names those that must be
    ready before this one starts.
    """

    name: str
    argv: tuple[str, ...]
    ready: str
    after: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def list_components(node: Node) -> list[Component]:
    """The components of a node, each after those that it waits for."""
    control_plane = [_etcd(node), _apiserver(node), _controller_manager(node)]
    if node.api_only:
        return control_plane
    return [
        *control_plane,
        _scheduler(node),
        _containerd(node),
        _kubelet(node),
        _proxy(node),
        _cilium(node),
        _housekeeper(node),
    ]


def _flags(**values: object) -> tuple[str, ...]:
    return tuple(
        f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in values.items()
    )


def _etcd(node: Node) -> Component:
    pki = node.files.certificates
    client, peer = (
        f"https://127.0.0.1:{node.ports.etcd}",
        f"https://127.0.0.1:{node.ports.etcd_peer}",
    )
    flags = _flags(
        name=node.name,
        data_dir=node.files.data / "etcd",
        listen_client_urls=client,
        advertise_client_urls=client,
        listen_peer_urls=peer,
        initial_advertise_peer_urls=peer,
        initial_cluster=f"{node.name}={peer}",
        cert_file=pki / "etcd.crt",
        key_file=pki / "etcd.key",
        client_cert_auth=True,
        trusted_ca_file=pki / "etcd-ca.crt",
        peer_cert_file=pki / "etcd.crt",
        peer_key_file=pki / "etcd.key",
        peer_client_cert_auth=True,
        peer_trusted_ca_file=pki / "etcd-ca.crt",
        log_level="warn",
    )
    unsafe = ("--unsafe-no-fsync",) if node.ephemeral else ()
    return Component(
        "etcd", (f"{node.bin}/etcd", *flags, *unsafe), f"tcp://127.0.0.1:{node.ports.etcd}"
    )


def _apiserver(node: Node) -> Component:
    pki = node.files.certificates
    flags = _flags(
        bind_address=node.address if node.api_only else "0.0.0.0",  # noqa: S104  in a network namespace of its own
        secure_port=node.ports.apiserver,
        advertise_address=node.address,
        etcd_servers=f"https://127.0.0.1:{node.ports.etcd}",
        etcd_cafile=pki / "etcd-ca.crt",
        etcd_certfile=pki / "etcd-client.crt",
        etcd_keyfile=pki / "etcd-client.key",
        tls_cert_file=pki / "apiserver.crt",
        tls_private_key_file=pki / "apiserver.key",
        tls_min_version="VersionTLS12",
        client_ca_file=pki / "ca.crt",
        authentication_config=node.files.config / "authentication.yaml",
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        allow_privileged=True,
        # A fifth of the default: a small machine runs no 600 requests at a time, and a tenant's
        # part of these is one.
        max_requests_inflight=80,
        max_mutating_requests_inflight=40,
        service_account_issuer=ISSUER,
        service_account_key_file=pki / "sa.pub",
        service_account_signing_key_file=pki / "sa.key",
        service_cluster_ip_range=SERVICE_CIDR,
        kubelet_client_certificate=pki / "apiserver-kubelet.crt",
        kubelet_client_key=pki / "apiserver-kubelet.key",
        kubelet_certificate_authority=pki / "ca.crt",
        kubelet_preferred_address_types="InternalIP",
        requestheader_client_ca_file=pki / "front-proxy-ca.crt",
        requestheader_allowed_names="front-proxy-client",
        requestheader_username_headers="X-Remote-User",
        requestheader_group_headers="X-Remote-Group",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        proxy_client_cert_file=pki / "front-proxy-client.crt",
        proxy_client_key_file=pki / "front-proxy-client.key",
        # A loopback address cannot be an endpoint of the Service `kubernetes`.
        endpoint_reconciler_type="none" if node.api_only else "lease",
        profiling=False,
    )
    ready = f"https://127.0.0.1:{node.ports.apiserver}/readyz"
    return Component(
        "kube-apiserver", (f"{node.files.bin}/kube-apiserver", *flags), ready, after=("etcd",)
    )


def _controller_manager(node: Node) -> Component:
    pki, kubeconfig = node.files.certificates, node.files.config / "controller-manager.kubeconfig"
    flags = _flags(
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        bind_address="127.0.0.1",
        secure_port=node.ports.controller_manager,
        tls_cert_file=pki / "local.crt",
        tls_private_key_file=pki / "local.key",
        allocate_node_cidrs=True,
        cluster_cidr=POD_CIDR,
        service_cluster_ip_range=SERVICE_CIDR,
        root_ca_file=pki / "ca.crt",
        cluster_signing_cert_file=pki / "ca.crt",
        cluster_signing_key_file=pki / "ca.key",
        service_account_private_key_file=pki / "sa.key",
        use_service_account_credentials=True,
        # A new CRD's objects are counted, and so admitted, soon after it is made.
        resource_quota_sync_period="10s",
        # What this one finds is told in policies' status alone, and takes a core for seconds.
        controllers="*,-validatingadmissionpolicy-status-controller",
        leader_elect=False,
        profiling=False,
    )
    ready = f"https://127.0.0.1:{node.ports.controller_manager}/healthz"
    return Component(
        "kube-controller-manager",
        (f"{node.files.bin}/kube-controller-manager", *flags),
        ready,
        ("kube-apiserver",),
    )


def _scheduler(node: Node) -> Component:
    pki, kubeconfig = node.files.certificates, node.files.config / "scheduler.kubeconfig"
    flags = _flags(
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        bind_address="127.0.0.1",
        tls_cert_file=pki / "local.crt",
        tls_private_key_file=pki / "local.key",
        leader_elect=False,
        profiling=False,
    )
    ready = "https://127.0.0.1:10259/healthz"
    return Component(
        "kube-scheduler", (f"{node.files.bin}/kube-scheduler", *flags), ready, ("kube-apiserver",)
    )


def _containerd(node: Node) -> Component:
    argv = (f"{node.bin}/containerd", f"--config={node.files.config / 'containerd.toml'}")
    return Component("containerd", argv, f"unix://{CONTAINERD_SOCKET}")


def _kubelet(node: Node) -> Component:
    config = node.files.config
    flags = _flags(
        config=config / "kubelet.yaml",
        kubeconfig=config / "kubelet.kubeconfig",
        root_dir=node.files.data / "kubelet",
        cert_dir=node.files.certificates,
        hostname_override=node.name,
        node_ip=node.address,
    )
    after = ("kube-apiserver", "containerd")
    return Component(
        "kubelet", (f"{node.files.bin}/kubelet", *flags), "http://127.0.0.1:10248/healthz", after
    )


def _proxy(node: Node) -> Component:
    argv = (f"{node.files.bin}/kube-proxy", f"--config={node.files.config / 'proxy.yaml'}")
    return Component("kube-proxy", argv, "http://127.0.0.1:10256/livez", ("kube-apiserver",))


def _cilium(node: Node) -> Component:
    flags = _flags(
        k8s_kubeconfig_path=node.files.config / "cilium.kubeconfig",
        lib_dir="/run/cilium/lib",
        state_dir="/run/cilium/state",
        cgroup_root="/run/cilium/cgroup",
        bpf_root="/sys/fs/bpf",
        ipam="kubernetes",
        routing_mode="native",
        ipv4_native_routing_cidr=POD_CIDR,
        auto_direct_node_routes=True,
        enable_ipv6=False,
        enable_ipv4_masquerade=True,
        enable_bpf_masquerade=False,
        kube_proxy_replacement=False,
        enable_hubble=False,
        enable_l7_proxy=False,
        enable_health_checking=False,
        enable_endpoint_health_checking=False,
        # Packets between pods pass the node's own rules too, among them the bound on questions to
        # the cluster's DNS.
        enable_endpoint_routes=True,
        # The API server is the node itself, which ranges of addresses leave out by default: what
        # tenants with `network.apiServer` are opened would open nothing. Other ranges that hold
        # its address bar it: the Platform's `nodeCidrs`.
        policy_cidr_match_mode="nodes",
        labels=",".join(IDENTITY_LABELS),
    )
    return Component(
        "cilium-agent",
        (f"{node.bin}/cilium-agent", *flags),
        "http://127.0.0.1:9879/healthz",
        ("kube-apiserver",),
        {"K8S_NODE_NAME": node.name},
    )


def _housekeeper(node: Node) -> Component:
    argv = (sys.executable, "-m", "manor.local.housekeeper", node.name)
    return Component("housekeeper", argv, f"unix://{HOUSEKEEPER_SOCKET}", ("kube-apiserver",))
