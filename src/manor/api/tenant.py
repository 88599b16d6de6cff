"""Tenant: what a team is. One object a team, cluster-scoped."""

from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr, model_validator

from manor.api.addresses import Networks
from manor.api.meta import (
    DNS_LABEL,
    ApiVersion,
    ClassName,
    Host,
    Kind,
    Metadata,
    MetadataKey,
    Misplaced,
    Name,
    Once,
    Registry,
    Spec,
    cel,
    check_keys,
    keys_rule,
)
from manor.api.quantity import Bytes, Cores, Quantity
from manor.api.subjects import WHO, Member, Role, Subject

TENANT_NAME_LIMIT = 40
"""Longest tenant name, in characters: leaves room for `<tenant>-<suffix>` namespaces and the names
derived from it."""

USER_IDS = 100
"""How many user IDs, and group IDs of the same numbers, a tenant has on the nodes."""


class NamespaceShare(Spec):
    """A namespace of the tenant and its part of the tenant's quota."""

    name: Name
    """Name of the namespace."""
    share: int = Field(default=1, ge=1, le=1000)
    """Weight of this namespace when the tenant's quota is divided among its namespaces."""


class Quota(Spec):
    """The tenant's budget over all its namespaces."""

    cpu: Cores = "8"
    """Sum of CPU requests, in cores."""
    memory: Bytes = "32Gi"
    """Sum of memory requests, and of memory limits, in bytes."""
    storage: Bytes = "100Gi"
    """Sum of volume sizes, in bytes."""
    ephemeral_storage: Bytes = "50Gi"
    """Sum of ephemeral-storage requests, in bytes."""
    pods: int = Field(default=100, ge=1, le=100_000)
    """Pods that are not finished."""
    objects: int = Field(default=200, ge=1, le=100_000)
    """Objects of each other kind (Deployments, Services, ConfigMaps, …); keeps etcd safe from one
    team."""
    resources: dict[str, Quantity] = Field(default={}, max_length=64)
    """Other resources that the Platform lists under `resources` (network devices, huge pages, …),
    in place of the amount that it says."""


class GpuShare(Spec):
    """The tenant's part of the cluster's GPUs, in whole GPUs."""

    guarantee: int = Field(default=0, ge=0, le=100_000)
    """GPUs that are the tenant's whenever it asks."""
    borrow: int = Field(default=0, ge=0, le=100_000)
    """GPUs beyond the guarantee that it may use while others leave them idle."""
    flavors: Annotated[list[Name], Field(max_length=32), Once()] = []
    """GPU flavors of the Platform that the tenant may use; none means all."""
    resources: dict[str, Annotated[int, Field(ge=0)]] = Field(default={}, max_length=32)
    """How the budget is divided over the Platform's `gpu.resourceNames`, in numbers of each,
    weighed by its `gpu.perGpu`: `{nvidia.com/gpu: 6, nvidia.com/mig-1g.5gb: 14}` is 8 GPUs. When
    absent, all is the first one's."""

    @property
    def total(self) -> int:
        """GPUs that the tenant may hold at once."""
        return self.guarantee + self.borrow


class Egress(Spec):
    """Where the tenant's pods may connect to, beyond their own tenant and DNS."""

    internet: bool = False
    """Every address except the cluster's, the nodes', link-local, metadata and the Platform's
    blocked ones."""
    cidrs: Networks = []
    """Networks outside the cluster that the pods may reach."""


class TenantNetwork(Spec):
    """Traffic across the tenant's border."""

    egress: Egress = Egress()
    """Where the tenant's pods may connect to."""
    allow: Annotated[list[Name], Field(max_length=128), Once()] = []
    """Tenants to exchange traffic with; takes effect once the other tenant allows this one as
    well."""
    api_server: bool = False
    """Whether the tenant's pods may reach the Kubernetes API server."""
    workload_identity: bool = False
    """Whether the tenant's pods may ask the cloud's metadata server for their own identity, where
    the Platform has one that gives no other (`network.workloadIdentity`)."""
    internal: Literal["open", "closed"] = "open"
    """Whether the tenant's own pods reach each other; where closed, only what its own
    NetworkPolicies open."""
    platform_peers: list[Name] | None = None
    """Which of the Platform's `network.peers` exchange traffic with its pods; all of them when
    absent."""


class Volume(Spec):
    """A volume that Manor makes for the tenant (a PersistentVolumeClaim)."""

    name: Name
    """Name of the claim."""
    size: Bytes
    """Size in bytes."""
    storage_class: ClassName | None = None
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

    model_config = ConfigDict(
        json_schema_extra=cel(keys_rule("metadataKeys"), keys_rule("serviceAnnotations"))
    )

    owners: Annotated[list[Subject], Field(min_length=1, max_length=64), Once(WHO)]
    """Who answers for the tenant: may do what an editor may, grant roles to members and create
    namespaces."""
    members: Annotated[list[Member], Field(max_length=200), Once(WHO)] = []
    """Who else works in it, each with a role."""
    namespaces: Annotated[list[NamespaceShare], Field(max_length=64), Once(("name",))] = []
    """Its namespaces, each with a share of the quota; one named like the tenant when absent."""
    max_namespaces: int = Field(default=5, ge=0, le=100)
    """How many namespaces owners may make themselves: `<tenant>-1`, `<tenant>-2`, … up to this
    number."""
    quota: Quota = Quota()
    """Budget over all its namespaces."""
    gpu: GpuShare = GpuShare()
    """Part of the cluster's GPUs; none by default."""
    tools: Annotated[list[Name], Field(max_length=32), Once()] | None = None
    """Which of the Platform's Tools it uses; all of them when absent."""
    queues: Annotated[list[Name], Field(min_length=1, max_length=32), Once()] = ["default"]
    """Queues in its namespaces (Kueue's LocalQueues), where the Platform has a queue system; the
    first is the usual."""
    network: TenantNetwork = TenantNetwork()
    """Traffic across its border; none by default."""
    registries: Annotated[list[Registry], Field(max_length=64), Once()] | None = None
    """Image registries; the Platform's when absent."""
    storage_classes: Annotated[list[ClassName], Field(max_length=32), Once()] | None = None
    """Storage classes; the Platform's when absent."""
    priority_classes: Annotated[list[ClassName], Field(max_length=32), Once()] | None = None
    """Priority classes; the Platform's when absent."""
    node_pools: list[Name] | None = None
    """Node pools of the Platform, by name; all of them when absent."""
    runtime_classes: list[Name] | None = None
    """Runtime classes; the Platform's when absent."""
    token_audiences: (
        list[Annotated[str, Field(pattern=r"^[^,\s\p{Cc}]+$", max_length=253)]] | None
    ) = None
    """Audiences of projected tokens; the Platform's when absent."""
    csi_drivers: list[Annotated[str, Field(pattern=r"^[-a-z0-9.]+$")]] | None = None
    """CSI drivers of inline volumes; the Platform's when absent."""
    first_user_id: int | None = Field(default=None, ge=1000, le=2_147_483_500, multiple_of=USER_IDS)
    """First of the 100 user IDs, and group IDs, that its pods have on the nodes; comes from its
    name when absent."""
    hosts: Annotated[list[Host], Field(max_length=63), Once()] = []
    """Host names, exact or `*.`-wildcard, that the tenant's routes may use; `<tenant>.<domain>`
    when absent."""
    tls_secrets: dict[str, Name] = Field(default={}, max_length=64)
    """Certificates of its own: for a host name the Secret, beside the Platform's
    `gateway.tlsSecret`."""
    volumes: Annotated[list[Volume], Field(max_length=64)] = []
    """Volumes that Manor makes for the tenant; kept when the tenant is deleted unless data is to go
    too."""
    load_balancers: bool = False
    """Whether the tenant may make Services of type LoadBalancer."""
    service_annotations: Annotated[list[MetadataKey], AfterValidator(check_keys)] | None = Field(
        default=None, max_length=64
    )
    """Keys of annotations that it may write onto Services; the Platform's when absent."""
    metadata_keys: Annotated[list[MetadataKey], AfterValidator(check_keys)] | None = Field(
        default=None, max_length=128
    )
    """Keys of labels and annotations that it may write besides; the Platform's when absent."""
    sandbox: bool = False
    """Whether all its pods must run in the Platform's sandboxed runtime class."""
    deletion_policy: Literal["Keep", "Delete"] = "Keep"
    """What the operator does once the Tenant is deleted with what holds data or people's work: it
    keeps it, closed, or deletes it. `manor delete` asks."""


_SPACE = "__namespace__"
"""How CEL rules of a CRD name the field `namespace`, a word that CEL keeps for itself."""
_GIVEN = "(has(self.spec.namespaces) && self.spec.namespaces.size() > 0)"
_SPACES = f"({_GIVEN} ? self.spec.namespaces.map(n, n.name) : [self.metadata.name])"
_FIRST = f"({_GIVEN} ? self.spec.namespaces[0].name : self.metadata.name)"


class Tenant(Kind):
    """A team: its people, namespaces, budget, network borders and host names."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    f"{_SPACES}.all(n, n != 'default' && !n.startsWith('kube-') && "
                    f"!n.startsWith('manor-'))"
                ),
                "a namespace is Kubernetes' or Manor's own; choose another",
            ),
            (
                (
                    f"!has(self.spec.volumes) || self.spec.volumes.all(v, !has(v.namespace) || "
                    f"v.namespace in {_SPACES})"
                ),
                "a volume's namespace is not one of the tenant's namespaces",
            ),
            (
                "!has(self.spec.volumes) || self.spec.volumes.all(v, "
                "self.spec.volumes.exists_one(w, w.name == v.name"
                f" && (has(v.{_SPACE}) ? (has(w.{_SPACE}) ? v.{_SPACE} == w.{_SPACE} : "
                f"v.{_SPACE} == {_FIRST})"
                f" : !has(w.{_SPACE}) || w.{_SPACE} == {_FIRST})))",
                "a volume is given twice",
            ),
        )
    )

    api_version: ApiVersion
    kind: Literal["Tenant"]
    metadata: TenantMetadata
    spec: TenantSpec
    _made: frozenset[str] = PrivateAttr(frozenset())

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = {space.name for space in self.namespaces}
        for index, space in enumerate(self.namespaces):
            if space.name == "default" or space.name.startswith(("kube-", "manor-")):
                path = (
                    ("spec", "namespaces", index) if self.spec.namespaces else ("metadata", "name")
                )
                raise Misplaced(
                    f"namespace {space.name!r} is Kubernetes' or Manor's own; choose another", *path
                )
        seen = set()
        for index, volume in enumerate(self.spec.volumes):
            place = volume.namespace or self.namespaces[0].name
            if place not in names:
                message = f"{place!r} is not one of the tenant's namespaces"
                raise Misplaced(message, "spec", "volumes", index, "namespace")
            if (place, volume.name) in seen:
                message = (
                    f"volume {volume.name!r} of namespace {place!r} is given twice; remove one"
                )
                raise Misplaced(message, "spec", "volumes", index)
            seen.add((place, volume.name))
        return self

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self.metadata.name

    def with_made(self, names: Iterable[str]) -> "Tenant":
        """The same tenant, where its owners have made the namespaces `names`; no file says so."""
        if self._made == (made := frozenset(names)):
            return self
        tenant = Tenant.model_construct(self.model_fields_set, **dict(self))
        tenant._made = made
        return tenant

    @property
    def made_namespaces(self) -> frozenset[str]:
        """Namespaces on the cluster that its owners made for it, whether or not the spec names them
        by now."""
        return self._made

    @cached_property
    def namespaces(self) -> list[NamespaceShare]:
        """The tenant's namespaces with the default filled in, then those that its owners made."""
        made = [name for name in self.namespace_slots if name in self._made]
        return [*self._declared, *(NamespaceShare(name=name) for name in made)]

    @property
    def _declared(self) -> list[NamespaceShare]:
        return self.spec.namespaces or [NamespaceShare(name=self.name)]

    @cached_property
    def user_ids(self) -> range:
        """The user and group IDs of its pods on the nodes.

        From its name, so that no other Tenant has to be known: one of ten million ranges, above
        those that systems and container runtimes hand out, and below what Kubernetes admits.
        `manor.load` refuses two that overlap.
        """
        slot = int(sha256(self.name.encode()).hexdigest(), 16) % 10_000_000
        first = self.spec.first_user_id or 1_100_000_000 + slot * USER_IDS
        return range(first, first + USER_IDS)

    @property
    def namespace_slots(self) -> list[str]:
        """The names of the namespaces that owners may make themselves, made or not: as many as the
        tenant may have, and no others.

        Names are unique in a cluster, so that a bounded list of names bounds the number without
        anybody counting.
        """
        given = {space.name for space in self._declared}
        slots = (f"{self.name}-{number}" for number in range(1, self.spec.max_namespaces + 1))
        return [name for name in slots if name not in given]

    @property
    def kept_namespaces(self) -> frozenset[str]:
        """Namespaces that the spec names no more and `manor apply` still has on its account, with
        some of its own.

        It says so on the Tenant itself, which no tenant may write.
        """
        account = self.metadata.annotations.get("applyset.kubernetes.io/additional-namespaces", "")
        return frozenset(account.split(",")) - {space.name for space in self.namespaces} - {""}

    def hosts(self, domain: str) -> list[str]:
        """The tenant's host names with the default filled in."""
        return list(self.spec.hosts) or [f"{self.name}.{domain}"]

    @property
    def members(self) -> list[Subject]:
        """Everyone in it, owners too."""
        return [*self.spec.owners, *self.spec.members]

    def subjects(self, role: Role) -> list[Subject]:
        """Everyone who has exactly `role`, each once; owners are those of `spec.owners` and members
        who are owner."""
        listed = list(self.spec.owners) if role == "owner" else []
        listed += [
            Subject(kind=m.kind, name=m.name, namespace=m.namespace)
            for m in self.spec.members
            if m.role == role
        ]
        return list({(s.kind, s.name, s.namespace): s for s in listed}.values())
