"""Manor's components for programs in other languages: `pulumi package add <this folder>`."""

from pulumi.provider.experimental import component_provider_host

from manor import __version__
from manor.infra import EnvoyGateway, GkeCluster, Model, Platform, Tenant, TrainingJob, Workspace

if __name__ == "__main__":
    component_provider_host(
        name="manor",
        components=[Platform, Tenant, TrainingJob, Model, Workspace, GkeCluster, EnvoyGateway],
        version=__version__,
    )
