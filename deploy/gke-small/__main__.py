"""A GKE cluster of three nodes, one team with a namespace, what it serves there, and a right of the
team's own."""

import pulumi
import pulumi_kubernetes as kubernetes

from manor.infra import EnvoyGateway, GkeCluster, GkeProgram, Model, Platform, Tenant

program = GkeProgram.read()
specs = program.specs()
(team,), (served,) = specs.tenants.values(), specs.workloads

cluster = GkeCluster(program.name, {"options": program})
on_cluster = pulumi.ResourceOptions(provider=cluster.kubernetes)
needs = [EnvoyGateway("gateway", {}, on_cluster)] if program.install_gateway else []
on_it = pulumi.ResourceOptions(provider=cluster.kubernetes, depends_on=needs)

platform = Platform("manor", {"spec": specs.platform, "tenants": [team]}, on_it)
place = Tenant("hello", {"spec": team, "platform": platform}, on_it)
model = Model("hello-server", {"spec": served, "tenant": place}, on_it)

# Who is on call may restart the server, and by Manor's role of a viewer read everything else.
in_place = pulumi.ResourceOptions(provider=cluster.kubernetes, depends_on=[place])
restart = kubernetes.rbac.v1.Role(
    "restart",
    metadata={"name": "restart", "namespace": team.name},
    rules=[
        {
            "api_groups": ["apps"],
            "resources": ["deployments"],
            "resource_names": [served.metadata.name],
            "verbs": ["get", "patch"],
        }
    ],
    opts=in_place,
)
kubernetes.rbac.v1.RoleBinding(
    "restart",
    metadata={"name": "restart", "namespace": team.name},
    role_ref={
        "api_group": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": restart.metadata.name,
    },
    subjects=[
        {
            "api_group": "rbac.authorization.k8s.io",
            "kind": "User",
            "name": "hello-oncall@example.com",
        }
    ],
    opts=in_place,
)

pulumi.export("cluster_name", cluster.cluster_name)
pulumi.export("cluster_endpoint", cluster.cluster_endpoint)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("url", model.url)
