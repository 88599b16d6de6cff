"""The cluster's own network: one subnet with named ranges for pods and Services, and a way out for
private nodes."""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import compute

from manor.infra.gke.options import GkeOptions

PODS = "pods"
SERVICES = "services"


@dataclass(frozen=True)
class Network:
    """What the cluster needs to know of it."""

    network: compute.Network
    subnetwork: compute.Subnetwork
    nat: compute.RouterNat


def make_network(name: str, options: GkeOptions, parent: pulumi.Resource) -> Network:
    """Network, subnet, router and NAT. Nodes have no public address; what they fetch goes out
    through the NAT."""
    opts = pulumi.ResourceOptions(parent=parent)
    network = compute.Network(
        name,
        name=options.name,
        project=options.project,
        auto_create_subnetworks=False,
        routing_mode="REGIONAL",
        opts=opts,
    )
    subnetwork = compute.Subnetwork(
        name,
        name=options.name,
        project=options.project,
        region=options.region,
        network=network.id,
        ip_cidr_range=str(options.node_cidr),
        private_ip_google_access=True,
        secondary_ip_ranges=[
            compute.SubnetworkSecondaryIpRangeArgs(
                range_name=PODS, ip_cidr_range=str(options.pod_cidr)
            ),
            compute.SubnetworkSecondaryIpRangeArgs(
                range_name=SERVICES, ip_cidr_range=str(options.service_cidr)
            ),
        ],
        opts=opts,
    )
    router = compute.Router(
        name,
        name=options.name,
        project=options.project,
        region=options.region,
        network=network.id,
        opts=opts,
    )
    nat = compute.RouterNat(
        name,
        name=options.name,
        project=options.project,
        region=options.region,
        router=router.name,
        nat_ip_allocate_option="AUTO_ONLY",
        source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
        log_config=compute.RouterNatLogConfigArgs(enable=True, filter="ERRORS_ONLY"),
        opts=opts,
    )
    return Network(network, subnetwork, nat)
