"""A GKE cluster for Manor: its options, and the component that makes it."""

from manor.infra.gke.buckets import make_buckets
from manor.infra.gke.cluster import GkeCluster, GkeClusterArgs
from manor.infra.gke.options import GkeOptions
from manor.infra.gke.platform import platform_on

__all__ = ["GkeCluster", "GkeClusterArgs", "GkeOptions", "make_buckets", "platform_on"]
