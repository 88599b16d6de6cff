"""Tenant: what a team is. One object a team, cluster-scoped."""

from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from manor.api.addresses import Network
from manor.api.meta import DNS_LABEL, ApiVersion, Metadata, MetadataKey, Name, Spec, cel, check_keys, keys_rule
from manor.api.platform import without_status
from manor.api.quantity import Quantity

TENANT_NAME_LIMIT = 40
"""Longest tenant name, in characters: leaves room for `<tenant>-<suffix>` namespaces and the names derived from it."""

HOST = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"

USER_IDS = 100
"""How many user IDs, and group IDs of the same numbers, a tenant has on the nodes."""

Role = Literal["owner", "editor", "viewer"]
Host = Annotated[str, Field(pattern=HOST, max_length=253)]


class Subject(Spec):
    """Who: a user, a group or a service account, as RBAC names them."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "has(self.namespace) == (has(self.kind) && self.kind == 'ServiceAccount')",
                "a ServiceAccount needs a namespace, and nothing else has one",
            ),
            (
                "!self.name.startsWith('system:') || (has(self.kind) && self.kind == 'ServiceAccount')",
                "names that begin with system: are Kubernetes' own and cannot belong to a tenant",
            ),
        )
    )

    kind: Literal["User", "Group", "ServiceAccount"] = "User"
    """User, Group or ServiceAccount."""
    name: str = Field(min_length=1)
    """Name as the API server knows it."""
    namespace: Name | None = None
    """Namespace of a ServiceAccount; for other kinds it must be absent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "ServiceAccount" and self.namespace is None:
            raise ValueError("a ServiceAccount needs its namespace: add `namespace: …`")
        if self.kind != "ServiceAccount" and self.namespace is not None:
            raise ValueError(f"a {self.kind} has no namespace: remove it, or write `kind: ServiceAccount`")
        if self.kind != "ServiceAccount" and self.name.startswith("system:"):
            raise ValueError(f"{self.name!r} is one of Kubernetes' own identities and cannot belong to a tenant")
        return self


class Member(Subject):
    """A subject and what it may do in the tenant."""

    role: Role = "editor"
    """owner (may also grant roles), editor (works with the team's objects) or viewer (reads, no Secrets)."""


class NamespaceShare(Spec):
    """A namespace of the tenant and its part of the tenant's quota."""

    name: Name
    """Name of the namespace."""
    share: int = Field(default=1, ge=1, le=1000)
    """Weight of this namespace when the tenant's quota is divided among its namespaces."""


class Quota(Spec):
    """The tenant's budget over all its namespaces."""

    cpu: Quantity = "8"
    """Sum of CPU requests, in cores."""
    memory: Quantity = "32Gi"
    """Sum of memory requests, and of memory limits, in bytes."""
    storage: Quantity = "100Gi"
    """Sum of volume sizes, in bytes."""
    ephemeral_storage: Quantity = "50Gi"
    """Sum of ephemeral-storage requests, in bytes."""
    pods: int = Field(default=100, ge=1)
    """Pods that are not finished."""
    objects: int = Field(default=200, ge=1)
    """Objects of each other kind (Deployments, Services, ConfigMaps, …); keeps etcd safe from one team."""
    resources: dict[str, Quantity] = Field(default={}, max_length=64)
    """Other resources that the Platform lists under `resources` (network devices, huge pages, …), in place of the
    amount that it says."""


class GpuShare(Spec):
    """The tenant's part of the cluster's GPUs, in whole GPUs."""

    guarantee: int = Field(default=0, ge=0)
    """GPUs that are the tenant's whenever it asks."""
    borrow: int = Field(default=0, ge=0)
    """GPUs beyond the guarantee that it may use while others leave them idle."""
    flavors: list[Name] = []
    """GPU flavors of the Platform that the tenant may use; none means all."""
    resources: dict[str, Annotated[int, Field(ge=0)]] = Field(default={}, max_length=32)
    """How the budget is divided over the Platform's `gpu.resourceNames`, in numbers of each, weighed by its
    `gpu.perGpu`: `{nvidia.com/gpu: 6, nvidia.com/mig-1g.5gb: 14}` is 8 GPUs. When absent, all is the first one's."""

    @property
    def total(self) -> int:
        """GPUs that the tenant may hold at once."""
        return self.guarantee + self.borrow


class Egress(Spec):
    """Where the tenant's pods may connect to, beyond their own tenant and DNS."""

    internet: bool = False
    """Every address except the cluster's, the nodes', link-local, metadata and the Platform's blocked ones."""
    cidrs: list[Network] = []
    """Networks outside the cluster that the pods may reach."""


class TenantNetwork(Spec):
    """Traffic across the tenant's border."""

    egress: Egress = Egress()
    """Where the tenant's pods may connect to."""
    allow: list[Name] = []
    """Tenants to exchange traffic with; takes effect once the other tenant allows this one as well."""
    api_server: bool = False
    """Whether the tenant's pods may reach the Kubernetes API server."""
    internal: Literal["open", "closed"] = "open"
    """Whether the tenant's own pods reach each other; where closed, only what its own NetworkPolicies open."""
    platform_peers: list[Name] | None = None
    """Which of the Platform's `network.peers` exchange traffic with its pods; all of them when absent."""


class Volume(Spec):
    """A volume that Manor makes for the tenant (a PersistentVolumeClaim)."""

    name: Name
    """Name of the claim."""
    size: Quantity
    """Size in bytes."""
    storage_class: str | None = None
    """Storage class; the cluster's default when absent."""
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"] = "ReadWriteOnce"
    """Access mode."""
    namespace: Name | None = None
    """Which of the tenant's namespaces holds it; the first one when absent."""


class TenantMetadata(Metadata):
    """The Tenant's metadata."""

    name: Annotated[str, Field(pattern=DNS_LABEL, min_length=1, max_length=TENANT_NAME_LIMIT)]
    """Name of the tenant, at most 40 characters."""


class TenantSpec(Spec):
    """What a team is: its people, its places, its budget, its borders."""

    model_config = ConfigDict(json_schema_extra=cel(keys_rule("metadataKeys"), keys_rule("serviceAnnotations")))

    owners: list[Subject] = Field(min_length=1)
    """Who answers for the tenant: may do what an editor may, grant roles to members and create namespaces."""
    members: list[Member] = []
    """Who else works in it, each with a role."""
    namespaces: list[NamespaceShare] = []
    """Its namespaces, each with a share of the quota; one named like the tenant when absent."""
    max_namespaces: int = Field(default=5, ge=0, le=100)
    """How many namespaces owners may make themselves: `<tenant>-1`, `<tenant>-2`, … up to this number."""
    quota: Quota = Quota()
    """Budget over all its namespaces."""
    gpu: GpuShare = GpuShare()
    """Part of the cluster's GPUs; none by default."""
    queues: list[Name] = Field(default=["default"], min_length=1, max_length=32)
    """Queues in its namespaces (Kueue's LocalQueues), where the Platform has a queue system; the first is the usual."""
    network: TenantNetwork = TenantNetwork()
    """Traffic across its border; none by default."""
    registries: list[str] | None = None
    """Image registries; the Platform's when absent."""
    storage_classes: list[str] | None = None
    """Storage classes; the Platform's when absent."""
    priority_classes: list[str] | None = None
    """Priority classes; the Platform's when absent."""
    node_pools: list[Name] | None = None
    """Node pools of the Platform, by name; all of them when absent."""
    runtime_classes: list[Name] | None = None
    """Runtime classes; the Platform's when absent."""
    token_audiences: list[Annotated[str, Field(pattern=r"^[^,\s]+$", max_length=253)]] | None = None
    """Audiences of projected tokens; the Platform's when absent."""
    csi_drivers: list[Annotated[str, Field(pattern=r"^[-a-z0-9.]+$")]] | None = None
    """CSI drivers of inline volumes; the Platform's when absent."""
    first_user_id: int | None = Field(default=None, ge=1000, le=2_147_483_500, multiple_of=USER_IDS)
    """First of the 100 user IDs, and group IDs, that its pods have on the nodes; comes from its name when absent."""
    hosts: list[Host] = []
    """Host names, exact or `*.`-wildcard, that the tenant's routes may use; `<tenant>.<domain>` when absent."""
    volumes: list[Volume] = []
    """Volumes that Manor makes for the tenant; kept when the tenant is deleted unless data is to go too."""
    load_balancers: bool = False
    """Whether the tenant may make Services of type LoadBalancer."""
    service_annotations: Annotated[list[MetadataKey], AfterValidator(check_keys)] | None = Field(
        default=None, max_length=64
    )
    """Keys of annotations that it may write onto Services; the Platform's when absent."""
    metadata_keys: Annotated[list[MetadataKey], AfterValidator(check_keys)] | None = Field(default=None, max_length=128)
    """Keys of labels and annotations that it may write besides; the Platform's when absent."""
    sandbox: bool = False
    """Whether all its pods must run in the Platform's sandboxed runtime class."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [n.name for n in self.namespaces]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"namespaces: {', '.join(twice)} is named twice")
        volumes = [(v.namespace, v.name) for v in self.volumes]
        if twice := sorted({name for _, name in volumes if volumes.count((_, name)) > 1}):
            raise ValueError(f"volumes: {', '.join(twice)} is named twice")
        for volume in self.volumes:
            if volume.namespace is not None and names and volume.namespace not in names:
                raise ValueError(f"volumes: {volume.name}: {volume.namespace} is not one of the tenant's namespaces")
        return self


class Tenant(Spec):
    """A team: its people, namespaces, budget, network borders and host names."""

    api_version: ApiVersion
    kind: Literal["Tenant"]
    metadata: TenantMetadata
    spec: TenantSpec

    @model_validator(mode="before")
    @classmethod
    def _drop_status(cls, data: object) -> object:
        return without_status(data)

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self.metadata.name

    @property
    def namespaces(self) -> list[NamespaceShare]:
        """The tenant's namespaces with the default filled in."""
        return self.spec.namespaces or [NamespaceShare(name=self.name)]

    @property
    def user_ids(self) -> range:
        """The user and group IDs of its pods on the nodes.

        From its name, so that no other Tenant has to be known: one of ten million ranges, above those that systems and
        container runtimes hand out, and below what Kubernetes admits. `manor.load` refuses two that overlap.
        """
        slot = int(sha256(self.name.encode()).hexdigest(), 16) % 10_000_000
        first = self.spec.first_user_id or 1_100_000_000 + slot * USER_IDS
        return range(first, first + USER_IDS)

    @property
    def namespace_slots(self) -> list[str]:
        """The names of the namespaces that owners may make themselves: as many as the tenant may have, and no others.

        Names are unique in a cluster, so that a bounded list of names bounds the number without anybody counting.
        """
        return [f"{self.name}-{number}" for number in range(1, self.spec.max_namespaces + 1)]

    def hosts(self, domain: str) -> list[str]:
        """The tenant's host names with the default filled in."""
        return list(self.spec.hosts) or [f"{self.name}.{domain}"]

    @property
    def members(self) -> list[Subject]:
        """Everyone in it, owners too."""
        return [*self.spec.owners, *self.spec.members]

    def subjects(self, role: Role) -> list[Subject]:
        """Everyone who has exactly `role`, each once; owners are those of `spec.owners` and members who are owner."""
        listed = list(self.spec.owners) if role == "owner" else []
        listed += [
            Subject(kind=m.kind, name=m.name, namespace=m.namespace) for m in self.spec.members if m.role == role
        ]
        return list({(s.kind, s.name, s.namespace): s for s in listed}.values())
