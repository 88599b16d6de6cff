"""The teams of the folder `teams` on a cluster that exists: configuration in, components out."""

import pulumi

from manor.infra import AnyProgram, EnvoyGateway, kubernetes_provider, make_all

program = AnyProgram.read()
specs = program.specs()
assert specs.platform is not None  # noqa: S101 - specs() refuses files without one

cluster = kubernetes_provider("cluster", kubeconfig=program.kubeconfig, context=program.context, force=program.force)
needs: list[pulumi.Resource] = []
if program.install_gateway:
    class_name = specs.platform.spec.gateway.class_name
    needs.append(EnvoyGateway("gateway", {"class_name": class_name}, pulumi.ResourceOptions(provider=cluster)))
pulumi.export("tenants", make_all(specs, opts=pulumi.ResourceOptions(provider=cluster, depends_on=needs)))
