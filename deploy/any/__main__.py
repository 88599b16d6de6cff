"""The teams of the folder `teams` on a cluster that exists: configuration in, components out."""

import pulumi

from manor.infra import AnyProgram, EnvoyGateway, kubernetes_provider, make_all

program = AnyProgram.read()
specs = program.specs()

cluster = kubernetes_provider(
    "cluster", kubeconfig=program.kubeconfig, context=program.context, force=program.force
)
needs: list[pulumi.Resource] = []
if program.install_gateway:
    needs.append(EnvoyGateway("gateway", {}, pulumi.ResourceOptions(provider=cluster)))
on_it = pulumi.ResourceOptions(provider=cluster, depends_on=needs)
pulumi.export("tenants", make_all(specs, delete_data=program.delete_data, opts=on_it))
