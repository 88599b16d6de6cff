"""No egress rule of a tenant covers metadata, link-local, node, pod or Service addresses, but the
ports that its spec asks for."""

from collections.abc import Iterator, Sequence

from manor.api.wellknown import NETWORKING_API
from manor.verify import netpol
from manor.verify.asked import METADATA, metadata_servers
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen
from manor.verify.objects import Object

GKE_METADATA_SERVER = "iam.gke.io/gke-metadata-server-enabled"
"""Label that GKE gives to nodes whose metadata server is its own."""
ALWAYS = (*METADATA, "169.254.0.1", "fe80::1", "127.0.0.1", "::1", "224.0.0.1")


async def _cluster(context: AttackContext) -> list[str]:
    nodes = await context.snapshot.all("v1", "Node")
    found = [
        a["address"]
        for n in nodes
        for a in n["status"].get("addresses", [])
        if a["type"] == "InternalIP"
    ]
    services = await context.snapshot.of("v1", "Service", "default")
    found += [
        ip for service in services for ip in service["spec"].get("clusterIPs", []) if ip != "None"
    ]
    platform = context.tenancy.platform
    if platform is not None:
        network = platform.spec.network
        found += map(
            str,
            (
                *network.pod_cidrs,
                *network.service_cidrs,
                *network.node_cidrs,
                *network.blocked_cidrs,
            ),
        )
    return found


def _rule(port: int, *cidrs: str, protocols: Sequence[str] = ("TCP",)) -> Object:
    ports = [{"protocol": protocol, "port": port} for protocol in protocols]
    return {"to": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs], "ports": ports}


def _asked(context: AttackContext) -> Iterator[Object]:
    """The rules that open what the specs ask for, and nothing else."""
    platform, tenant = context.tenancy.platform, context.attacker.tenant
    if platform is None or tenant is None:
        return
    caches = [f"{cache}/{cache.max_prefixlen}" for cache in platform.spec.network.dns.addresses]
    yield _rule(53, *caches, protocols=("UDP", "TCP"))
    if tenant.spec.network.api_server:
        for server in platform.spec.network.api_servers:
            yield _rule(server.port, str(server.cidr))
    for cidr, port in metadata_servers(context.attacker, platform):
        yield _rule(port, str(cidr))


def _without(policy: Object, asked: list[Object]) -> Object:
    """The policy less the rules that open what was asked for and nothing else."""
    spec = policy["spec"]
    egress = [rule for rule in spec.get("egress") or [] if rule not in asked]
    return {**policy, "spec": {**spec, "egress": egress}}


async def _on_every_node(context: AttackContext) -> Attempt:
    """Elsewhere the same address gives out the node's identity."""
    bare = [
        node["metadata"]["name"]
        for node in await context.snapshot.all("v1", "Node")
        if node["metadata"].get("labels", {}).get(GKE_METADATA_SERVER) != "true"
    ]
    got = f"nodes without it: {', '.join(bare) or 'none'}"
    return holds("every node has GKE's metadata server", not bare, got, "Workload Identity")


async def _look(context: AttackContext) -> list[Attempt]:
    attacker, attempts = context.attacker, []
    if metadata_servers(attacker, context.tenancy.platform):
        attempts.append(await _on_every_node(context))
    asked = list(_asked(context))
    addresses = list(dict.fromkeys([*ALWAYS, *await _cluster(context)]))
    for namespace in attacker.namespaces:
        policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        attempts.append(seen("policies are listed", f"{len(policies)} in {namespace}"))
        policies = [_without(policy, asked) for policy in policies]
        for address in addresses:
            opening = netpol.egress_to(policies, address)
            got = opening or "no rule covers it"
            what = f"egress of {namespace} to {address}"
            attempts.append(holds(what, not opening, got, "NetworkPolicy"))
    return attempts


CHECK = Check(
    id="MNR-NETWORK-022",
    title="Find an egress rule that reaches nodes, metadata or the cluster",
    guarantee=(
        "No egress rule of a tenant covers metadata, link-local, node, pod or Service addresses, "
        "but the ports that its spec asks for."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "GKE: Protecting cluster metadata",
    ),
    attempt=(
        "Works out from the NetworkPolicies which of these addresses a pod may connect to: "
        "metadata (IPv4 and "
        "IPv6), link-local, loopback, each node, the API server's Service, addresses of the pod, "
        "Service and "
        "node networks."
    ),
    expect=(
        "None of them, but the API server where the tenant's spec asks for it. Where it asks for "
        "`network.workloadIdentity`, the port of the metadata server too, and each node has the "
        "label `iam.gke.io/gke-metadata-server-enabled`: its server gives no identity of the "
        "node's."
    ),
    remedy=(
        "Remove the NetworkPolicy, or take the addresses out of its blocks (`manor apply`). A node "
        "pool without GKE's metadata server: `gcloud container node-pools update … "
        "--workload-metadata=GKE_METADATA`."
    ),
    run=_look,
)
