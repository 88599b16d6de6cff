"""A GKE cluster, the way in, and the teams of the folder `teams`: configuration in, components out."""

from typing import Any

import pulumi

from manor.infra import EnvoyGateway, GkeCluster, GkeProgram, make_all
from manor.render import spec_object


def platform_with(cluster: GkeCluster, platform: dict[str, Any]) -> dict[str, Any]:
    """The Platform with the API server's address, which is known only once there is a cluster."""
    address = pulumi.Output.concat(cluster.private_endpoint, "/32")
    network = {**platform["spec"]["network"], "apiServers": [{"cidr": address}]}
    return {**platform, "spec": {**platform["spec"], "network": network}}


program = GkeProgram.read()
specs = program.specs()
assert specs.platform is not None  # noqa: S101 - specs() refuses files without one

cluster = GkeCluster(program.name, {"options": program})
on_it = pulumi.ResourceOptions(provider=cluster.kubernetes)
gateway = EnvoyGateway("gateway", {"class_name": specs.platform.spec.gateway.class_name}, on_it)

platform = spec_object(specs.platform)
if any(tenant.spec.network.api_server for tenant in specs.tenants.values()):
    platform = platform_with(cluster, platform)
tenants = make_all(
    specs, platform=platform, opts=pulumi.ResourceOptions(provider=cluster.kubernetes, depends_on=[gateway])
)

pulumi.export("cluster_name", cluster.cluster_name)
pulumi.export("cluster_endpoint", cluster.cluster_endpoint)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("tenants", tenants)
