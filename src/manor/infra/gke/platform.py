"""What the Platform must know about a GKE cluster. Pure: options in, a part of the Platform's spec
out."""

from collections.abc import Mapping
from typing import Any

from manor.infra.gke.options import GkeOptions

SANDBOX_RUNTIME_CLASS = "gvisor"
"""The RuntimeClass that GKE makes where a pool has GKE Sandbox."""

GPU_TAINT = "nvidia.com/gpu"
"""Key of the taint that keeps other pods off GPU nodes, as GKE has it."""

ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
"""Label that GKE puts on GPU nodes, with the accelerator type."""

STORAGE_CLASSES = ["standard-rwo", "premium-rwo"]
"""Storage classes of every GKE cluster (balanced and SSD persistent disks)."""


def platform_on(options: GkeOptions, platform: Mapping[str, Any]) -> dict[str, Any]:
    """A Platform with the cluster's addresses, pods' identities, GPU flavors, sandbox and, unless
    it names some, storage classes."""
    spec = dict(platform.get("spec", {}))
    spec["network"] = {
        **spec.get("network", {}),
        "podCidrs": [str(options.pod_cidr)],
        "serviceCidrs": [str(options.service_cidr)],
        "nodeCidrs": [str(options.node_cidr)],
        "workloadIdentity": "gke",  # by workload_metadata_config of every pool
    }
    if options.gpu_pools:
        flavors = [
            {
                "name": pool.name,
                "nodeLabels": {ACCELERATOR_LABEL: pool.accelerator},
                "taint": GPU_TAINT,
            }
            for pool in options.gpu_pools
        ]
        spec["gpu"] = {**spec.get("gpu", {}), "flavors": flavors}
    if options.sandbox_pool:
        spec["sandboxRuntimeClass"] = SANDBOX_RUNTIME_CLASS
    spec.setdefault("storageClasses", STORAGE_CLASSES)
    return {**platform, "spec": spec}
