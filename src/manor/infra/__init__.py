"""Manor as Pulumi components: the same objects as `manor apply`, and a GKE cluster to put them on.

Needs the extra `infra` (`pip install 'manor[infra]'`) and, to run a program, the `pulumi` program.
"""

from manor.infra.errors import NoPulumi

try:
    import pulumi as _pulumi  # noqa: F401
    import pulumi_gcp as _pulumi_gcp  # noqa: F401
    import pulumi_kubernetes as _pulumi_kubernetes  # noqa: F401
except ModuleNotFoundError as _error:
    raise NoPulumi(
        f"manor.infra needs Pulumi ({_error}); install it with: pip install 'manor[infra]'"
    ) from None

from manor.infra.components import (
    Model,
    Platform,
    PlatformArgs,
    Tenant,
    TenantArgs,
    TrainingJob,
    WorkloadArgs,
    Workspace,
)
from manor.infra.gateway import EnvoyGateway, EnvoyGatewayArgs
from manor.infra.gke import GkeCluster, GkeClusterArgs, GkeOptions, make_buckets, platform_on
from manor.infra.kubernetes import kubernetes_provider
from manor.infra.program import AnyProgram, GkeProgram
from manor.infra.stack import make_all
from manor.infra.tools import ToolInstallation, ToolInstallationArgs

__all__ = [
    "AnyProgram",
    "EnvoyGateway",
    "EnvoyGatewayArgs",
    "GkeCluster",
    "GkeClusterArgs",
    "GkeOptions",
    "GkeProgram",
    "Model",
    "Platform",
    "PlatformArgs",
    "Tenant",
    "TenantArgs",
    "ToolInstallation",
    "ToolInstallationArgs",
    "TrainingJob",
    "WorkloadArgs",
    "Workspace",
    "kubernetes_provider",
    "make_all",
    "make_buckets",
    "platform_on",
]
