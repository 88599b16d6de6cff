"""No egress rule of a tenant covers metadata, link-local, node, pod or Service addresses."""

from manor.api.wellknown import NETWORKING_API, POLICY_API_SERVER
from manor.verify import netpol
from manor.verify.asked import METADATA
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen

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
        for cidr in (
            *network.pod_cidrs,
            *network.service_cidrs,
            *network.node_cidrs,
            *network.blocked_cidrs,
        ):
            found += [str(cidr[1]), str(cidr[-2])] if cidr.num_addresses > 3 else [str(cidr[0])]
    return found


async def _look(context: AttackContext) -> list[Attempt]:
    tenant, policies = (
        context.attacker.tenant,
        await context.snapshot.of(NETWORKING_API, "NetworkPolicy", context.attacker.namespace),
    )
    if tenant is not None and tenant.spec.network.api_server:
        policies = [p for p in policies if p["metadata"]["name"] != POLICY_API_SERVER]
    attempts = [seen("policies are listed", f"{len(policies)} in {context.attacker.namespace}")]
    for address in dict.fromkeys([*ALWAYS, *await _cluster(context)]):
        opening = netpol.egress_to(policies, address)
        got = opening or "no rule covers it"
        attempts.append(
            holds(
                f"egress of {context.attacker.namespace} to {address}",
                not opening,
                got,
                "NetworkPolicy",
            )
        )
    return attempts


CHECK = Check(
    id="MNR-NETWORK-022",
    title="Find an egress rule that reaches nodes, metadata or the cluster",
    guarantee=(
        "No egress rule of a tenant covers metadata, link-local, node, pod or Service addresses."
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
    expect="None of them, but the API server where the tenant's spec asks for it.",
    remedy="Remove the NetworkPolicy, or take the addresses out of its blocks (`manor apply`).",
    run=_look,
)
