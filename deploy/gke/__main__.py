"""A GKE cluster, the way in, ML systems, and the teams of the folder `teams`: configuration in,
components out."""

import pulumi

from manor.infra import (
    EnvoyGateway,
    GkeCluster,
    GkeProgram,
    ToolInstallation,
    make_all,
    make_buckets,
)

program = GkeProgram.read()
specs = program.specs()
installations = program.installations(specs)

cluster = GkeCluster(program.name, {"options": program, "force": program.force})
platform = program.platform_with(specs, cluster.private_endpoint)
on_cluster = pulumi.ResourceOptions(provider=cluster.kubernetes)
needs: list[pulumi.Resource] = [
    ToolInstallation(f"tool-{name}", args, on_cluster) for name, args in installations.items()
]
if program.install_gateway:
    class_name = platform["spec"].get("gateway", {}).get("className", "manor")
    needs.append(EnvoyGateway("gateway", {"class_name": class_name}, on_cluster))
on_it = pulumi.ResourceOptions(provider=cluster.kubernetes, depends_on=needs)
tenants = make_all(specs, platform=platform, delete_data=program.delete_data, opts=on_it)
buckets = make_buckets(
    program,
    {name: specs.tenants[name] for name in program.buckets},
    delete_data=program.delete_data,
    opts=pulumi.ResourceOptions(depends_on=[cluster]),
)

pulumi.export("cluster_name", cluster.cluster_name)
pulumi.export("cluster_endpoint", cluster.cluster_endpoint)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("tenants", tenants)
pulumi.export("buckets", buckets)
