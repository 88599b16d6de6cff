"""What a GKE cluster can be asked to be. Every default is the one that several teams on one cluster
need.

Sources, by their titles in Google's documentation: "Harden your cluster's security", "About GKE
service accounts", "GKE Dataplane V2", "About GPUs in GKE", "GKE Sandbox", "Customizing your network
isolation", "Maintenance windows".
"""

from ipaddress import IPv4Network
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

SCOPE = "https://www.googleapis.com/auth/"
NODE_SCOPES = [f"{SCOPE}{name}" for name in ("devstorage.read_only", "logging.write", "monitoring")]
"""What a node does by itself: pull images, write logs and metrics. Pods reach Google's APIs as
themselves."""

SMALL_SCOPES = [
    f"{SCOPE}{name}" for name in ("compute", "devstorage.read_only", "logging.write", "monitoring")
]
SMALL_NODES = 3

MACHINES = {
    "nvidia-tesla-t4": "n1-",
    "nvidia-l4": "g2-",
    "nvidia-tesla-a100": "a2-highgpu-",
    "nvidia-a100-80gb": "a2-ultragpu-",
    "nvidia-h100-80gb": "a3-",
    "nvidia-h100-mega-80gb": "a3-megagpu-",
    "nvidia-h200-141gb": "a3-ultragpu-",
    "nvidia-b200": "a4-",
}
"""The machine series of each accelerator ("GPU machine types"); others are taken as they are."""

PoolName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")]


class Options(BaseModel):
    """A part of the configuration: camelCase, unknown keys refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )


class Pool(Options):
    """A group of equal nodes that grows and shrinks."""

    machine_type: str = Field(pattern=r"^[a-z][a-z0-9]*-[-a-z0-9]+$")
    """Compute Engine machine type."""
    min_nodes: int = Field(default=0, ge=0)
    """Fewest nodes, over all zones."""
    max_nodes: int = Field(default=10, ge=1, le=1000)
    """Most nodes, over all zones. Default 10, so that a mistake has a bound; GKE's own limit is
    1000 a pool."""
    disk_gb: int = Field(default=100, ge=20, le=65536)
    """Boot disk of a node, in GB. Default 100, as GKE's."""
    spot: bool = False
    """Spot VMs: cheaper, and taken away with 30 s notice. Default false."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_nodes > self.max_nodes:
            raise ValueError(
                f"minNodes ({self.min_nodes}) is more than maxNodes ({self.max_nodes})"
            )
        return self


class GpuPool(Pool):
    """Nodes with accelerators; from zero, since they cost whether used or not."""

    name: PoolName
    """Name of the pool, and of the GPU flavor that tenants ask for."""
    accelerator: str = Field(pattern=r"^nvidia-[-a-z0-9]+$")
    """GKE's accelerator type, such as nvidia-l4 (`gcloud compute accelerator-types list`)."""
    count: int = Field(default=1, ge=1, le=16)
    """GPUs on each node. Default 1."""
    zones: list[str] = []
    """Zones that have the accelerator; all of the cluster's when empty."""
    driver: Literal["DEFAULT", "LATEST"] = "DEFAULT"
    """NVIDIA driver that GKE installs. Default DEFAULT: the one that GKE has tested with the node's
    version."""

    @model_validator(mode="after")
    def _check_machine(self) -> Self:
        series = MACHINES.get(self.accelerator)
        if series and not self.machine_type.startswith(series):
            raise ValueError(
                f"{self.accelerator} needs a machine type {series}…; got {self.machine_type}"
            )
        return self


class AuthorizedNetwork(Options):
    """A network from which the control plane's IP address is reached."""

    cidr: IPv4Network
    """Its addresses."""
    name: str = ""
    """What it is, for people."""


class Maintenance(Options):
    """When GKE may upgrade and repair; it asks for at least 48 hours in 32 days, in windows of 4
    hours or more."""

    start: str = "2026-01-03T02:00:00Z"
    """Start of the first window (RFC 3339). Default: 02:00 UTC."""
    end: str = "2026-01-03T08:00:00Z"
    """End of the first window. Default: six hours later."""
    recurrence: str = "FREQ=WEEKLY;BYDAY=SA,SU"
    """When it comes again (RFC 5545). Default: Saturdays and Sundays, 54 hours in 32 days."""


class GkeOptions(Options):
    """A GKE cluster for several ML teams."""

    project: str = Field(pattern=r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$")
    """Google Cloud project ID."""
    location: str = Field(pattern=r"^[a-z]+(-[a-z]+)+[0-9]+(-[a-z])?$")
    """A region (europe-west4: three control planes, nodes in three zones) or a zone
    (europe-west4-a: one of each)."""
    name: str = Field(default="manor", pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")
    """Name of the cluster and prefix of what belongs to it. Default manor."""
    small: bool = False
    """The small form: three nodes of one machine type in one pool, with the four OAuth scopes of
    Compute Engine, storage (read), logging and monitoring. All other safeguards stay. Default
    false."""
    small_machine_type: str = "e2-standard-4"
    """Machine type of the small form."""
    node_cidr: IPv4Network = IPv4Network("10.0.0.0/20")
    """Addresses of nodes. Default: 4096."""
    pod_cidr: IPv4Network = IPv4Network("10.4.0.0/14")
    """Addresses of pods; a node takes a /24 for its 110 pods. Default: room for 1024 nodes."""
    service_cidr: IPv4Network = IPv4Network("10.8.0.0/20")
    """Addresses of Services. Default: 4096."""
    authorized_networks: list[AuthorizedNetwork] = []
    """Networks that reach the control plane by its IP address. None by default: it then has no
    public address, and is reached by its DNS name, where IAM (`container.clusters.connect`) decides
    before Kubernetes does."""
    release_channel: Literal["RAPID", "REGULAR", "STABLE"] = "REGULAR"
    """How soon versions come. Default REGULAR, as GKE's."""
    system_pool: Pool = Pool(machine_type="e2-standard-4", min_nodes=1, max_nodes=6)
    """Nodes of GKE's own pods, which tenants' pods do not share."""
    cpu_pool: Pool = Pool(machine_type="n2-standard-8", min_nodes=1, max_nodes=20)
    """Nodes of tenants' pods."""
    gpu_pools: list[GpuPool] = []
    """Nodes with accelerators. None by default: they cost the most."""
    sandbox_pool: Pool | None = None
    """Nodes that run pods in gVisor (GKE Sandbox), which tenants with `sandbox: true` need. None by
    default."""
    node_scopes: list[str] = NODE_SCOPES
    """OAuth scopes of nodes. Default: read storage, write logs and metrics; not cloud-platform."""
    security_group: str | None = Field(default=None, pattern=r"^gke-security-groups@.+\..+$")
    """The Google Group that holds the groups named in RBAC (`gke-security-groups@<domain>`). None:
    users only."""
    encrypt_secrets: bool = True
    """Secrets in etcd are encrypted with a Cloud KMS key of yours, replaced every 90 days. Default
    true."""
    secrets_key: str | None = Field(
        default=None,
        pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$",
    )
    """The Cloud KMS key for that, where there is one: Google never deletes a key, so that a cluster
    made again under the same name finds its own. None: one is made."""
    maintenance: Maintenance = Maintenance()
    """When GKE may upgrade and repair."""
    deletion_protection: bool = True
    """Whether the cluster must be unprotected before it can be deleted. Default true."""
    labels: dict[str, str] = {}
    """Labels of the cluster, for billing."""

    @property
    def region(self) -> str:
        """The region of the location."""
        parts = self.location.rsplit("-", 1)
        return parts[0] if len(parts[1]) == 1 else self.location

    @property
    def regional(self) -> bool:
        """Whether the cluster spans the zones of a region."""
        return self.region == self.location

    @model_validator(mode="after")
    def _check(self) -> Self:
        ranges = {
            "nodeCidr": self.node_cidr,
            "podCidr": self.pod_cidr,
            "serviceCidr": self.service_cidr,
        }
        for (one, a), (other, b) in combinations(ranges.items(), 2):
            if a.overlaps(b):
                raise ValueError(f"{one} ({a}) and {other} ({b}) overlap; choose others")
        names = [pool.name for pool in self.gpu_pools]
        reserved = {"system", "cpu", "sandbox", "small"}
        for name in names:
            if names.count(name) > 1 or name in reserved:
                raise ValueError(f"gpuPools: the name {name!r} is taken; choose another")
        if self.small and (self.gpu_pools or self.sandbox_pool):
            raise ValueError(
                "small has one pool of one machine type; remove gpuPools and sandboxPool, or small"
            )
        return self
