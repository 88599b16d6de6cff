"""Platform: what is true of the whole cluster. One object, named `manor`."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from manor.api.addresses import Address, Network, Networks, barred, within
from manor.api.meta import (
    RESERVED_NAMESPACES,
    ApiVersion,
    ClassName,
    Image,
    Key,
    Kind,
    Labels,
    LabelValue,
    Line,
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
from manor.api.quantity import Bytes, Cores, Duration, Quantity, seconds
from manor.api.roles import ExtraRules
from manor.api.wellknown import FRONT
from manor.api.workload import Resources

TAINT = r"^[-A-Za-z0-9_./]+(=[-A-Za-z0-9_.]*)?$"
ANNOTATION = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
KIND_OF_GROUP = r"^[A-Z][A-Za-z0-9]*[.][a-z0-9]([-a-z0-9.]*[a-z0-9])?$"

ResourceName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
        max_length=253,
    ),
]
"""What a pod asks for beside CPU, memory and disk: an extended resource (with a slash),
`hugepages-<size>`, or, by resource claims, devices of a DeviceClass (without a slash)."""

Price = Annotated[float, Field(ge=0, le=1_000_000)]
"""An amount of money."""

NOT_COUNTED_HERE = ("cpu", "memory", "storage", "ephemeral-storage", "pods")
"""Resources that the Tenant's quota has fields of its own for."""


class PlatformMetadata(Metadata):
    """The Platform's metadata: there is one platform in a cluster, and its name is `manor`."""

    name: Literal["manor"] = "manor"
    """Always `manor`."""


class PodSelector(Spec):
    """Pods by namespace and labels, as a NetworkPolicy peer names them."""

    namespace: Name
    """Namespace of the pods."""
    labels: Labels = {}
    """Labels that the pods have; none selects every pod of the namespace."""


class ApiServerEndpoint(Spec):
    """Where pods reach the API server behind its Service."""

    cidr: Network
    """Address of the API server, as a CIDR (a single address is /32)."""
    port: int = Field(default=443, ge=1, le=65535)
    """TCP port of the API server itself, not of the Service."""


class DnsService(PodSelector):
    """Where names are resolved."""

    port: int = Field(default=53, ge=1, le=65535)
    """Port of the DNS pods themselves, not of their Service (OpenShift: 5353)."""
    addresses: list[Address] = Field(default=[], max_length=8)
    """Addresses of a DNS cache on each node (NodeLocal DNSCache: 169.254.20.10 and the DNS
    Service's), at port 53."""


class PlatformPeer(PodSelector):
    """Pods of the platform (monitoring, an operator) that exchange traffic with tenants' pods."""

    name: Name
    """Name that Tenants use for it."""
    direction: Literal["ingress", "egress", "both"] = "ingress"
    """Who connects: its pods to tenants' (ingress), tenants' to its (egress), or both."""
    ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(default=[], max_length=32)
    """TCP ports that are connected to; none means every port."""


class PlatformNetwork(Spec):
    """Addresses that belong to the cluster; a tenant that may reach the internet may not reach
    these."""

    pod_cidrs: Networks = Field(min_length=1)
    """Addresses of pods."""
    service_cidrs: Networks = Field(min_length=1)
    """Addresses of Services."""
    node_cidrs: Networks = Field(min_length=1)
    """Addresses of nodes (the subnet, so that a new node is covered)."""
    blocked_cidrs: Networks = []
    """More addresses that no tenant may reach, such as a company network."""
    api_servers: Annotated[list[ApiServerEndpoint], Field(max_length=32)] = []
    """API server addresses, opened to tenants with `network.apiServer: true`."""
    workload_identity: Literal["gke"] | None = None
    """Whose metadata server gives a pod no identity but its own: `gke`, where every node pool has
    GKE's (mode GKE_METADATA). Opened to tenants with `network.workloadIdentity: true`."""
    dns: DnsService = DnsService(namespace="kube-system", labels={"k8s-app": "kube-dns"})
    """The cluster's DNS."""
    peers: list[PlatformPeer] = Field(default=[], max_length=64)
    """Pods of the platform that every tenant exchanges traffic with, unless its
    `network.platformPeers` names fewer."""
    tenant_policies: bool = False
    """Whether owners and editors may write NetworkPolicies, which open no more than their team may
    reach."""

    def forbidden(self) -> list[Network]:
        """Every network that no tenant's egress may name: the cluster's own and `NEVER`, by NAT64
        too."""
        return barred([*self.pod_cidrs, *self.service_cidrs, *self.node_cidrs, *self.blocked_cidrs])

    def barring(self, cidr: Network) -> Network | None:
        """The forbidden network that holds all of `cidr`; None where something of it may be
        reached."""
        return next((net for net in self.forbidden() if within(cidr, net)), None)


class FrontSettings(Spec):
    """The shared front: it knows which proxy a host name belongs to, and nothing else."""

    class_name: ClassName = FRONT
    """GatewayClass of the front's Gateway."""
    namespace: Name = FRONT
    """Namespace of the front: its pods, its Gateway, its routes, and the TLS Secrets that it
    serves."""


class GatewaySettings(Spec):
    """How tenants are reached from outside (Gateway API)."""

    isolation: Literal["tenant", "shared"] = "tenant"
    """`tenant`: behind the shared front each tenant has a proxy and a configuration of its own.
    `shared`: one proxy holds every tenant's routes, and what one tenant writes can stop the
    others'."""
    class_name: ClassName = "manor"
    """GatewayClass of the tenants' Gateways."""
    front: FrontSettings = FrontSettings()
    """The front before the tenants' proxies; not used with `isolation: shared`."""
    data_plane: PodSelector = PodSelector(namespace="envoy-gateway-system")
    """The proxy pods whose traffic tenants' pods accept; with `isolation: tenant` each tenant's
    accept its own only."""
    port: int = Field(default=80, ge=1, le=65535)
    """Port of the HTTP listeners, or of the HTTPS listeners when `tlsSecret` is set."""
    tls_secret: Name | None = None
    """Secret of type kubernetes.io/tls that serves every tenant's host names, in the front's
    namespace (manor-system with `isolation: shared`)."""
    external_port: int | None = Field(default=None, ge=1, le=65535)
    """Port under which users reach the gateway where it differs from `port` (a NodePort, say); used
    in printed URLs."""


class IngressSettings(Spec):
    """Ingress beside the gateway, for teams that bring Ingress objects along."""

    classes: Annotated[list[Name], Field(min_length=1, max_length=32), Once()]
    """Ingress classes that tenants may use."""
    data_plane: PodSelector
    """The ingress controller's pods, whose traffic tenants' pods accept."""
    annotations: Annotated[list[Key], Field(max_length=128), Once()] = []
    """Keys of annotations that tenants may set; others with a domain would configure the controller
    and are refused."""


class NodePool(Spec):
    """Nodes that tenants' pods may choose, and the taints that keep other pods off them."""

    name: Name
    """Name that tenants use for it."""
    labels: dict[Key, Annotated[list[LabelValue], Field(max_length=32)]] = Field(
        default={}, max_length=16
    )
    """Labels of its nodes, each with the values that it has among them (zones, say)."""
    taints: list[Annotated[str, Field(pattern=TAINT, max_length=317)]] = Field(
        default=[], max_length=16
    )
    """Taints of its nodes, as `key=value`, or as `key` where any value may be tolerated."""


class GpuFlavor(Spec):
    """One kind of accelerator node."""

    name: Name
    """Name that tenants use for it."""
    node_labels: Labels = {}
    """Labels of its nodes."""
    taint: Annotated[str, Field(pattern=TAINT, max_length=317)] | None = None
    """Key of the taint that keeps other pods off its nodes; tenants with a GPU share tolerate
    it."""


class GpuSettings(Spec):
    """The cluster's accelerators."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.resourceNames) || self.resourceNames[0].contains('/')",
                (
                    "the first of resourceNames is an extended resource (with a slash): Manor's "
                    "workloads ask for it"
                ),
            ),
            (
                "!has(self.perGpu) || self.perGpu.all(r, r in (has(self.resourceNames) ? "
                "self.resourceNames : "
                "['nvidia.com/gpu']))",
                "perGpu names resources that are in resourceNames",
            ),
        )
    )

    resource_names: list[ResourceName] = Field(
        default=["nvidia.com/gpu"], min_length=1, max_length=32
    )
    """What counts as a GPU: extended resources (with a slash) and DeviceClasses (without). They
    share each tenant's GPU budget, which is the first one's unless the Tenant divides it
    (`gpu.resources`)."""
    per_gpu: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(default={}, max_length=32)
    """How many of a resource make one GPU, such as `nvidia.com/mig-1g.5gb: 7`; 1 unless named
    here."""
    env: list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]] = Field(
        default=[], max_length=32
    )
    """Environment variables that pods may set although their names look as if a container runtime
    gave out devices by them (`…VISIBLE_…`), or, beside accelerators, loaded libraries by them
    (`LD_…`)."""
    flavors: Annotated[list[GpuFlavor], Field(max_length=32), Once(("name",))] = []
    """Kinds of GPU nodes."""
    grace_seconds: int = Field(default=300, ge=0, le=3600)
    """Longest grace period, in seconds, of pods that hold GPUs where a queue system is on: so long
    may a team wait for what is guaranteed to it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "/" not in self.resource_names[0]:
            message = (
                "Manor's own workloads ask for the first one: put an extended resource "
                "(with a slash) first"
            )
            raise ValueError(f"resourceNames: {self.resource_names[0]} is a DeviceClass; {message}")
        if unknown := sorted(set(self.per_gpu) - set(self.resource_names)):
            raise ValueError(
                f"perGpu: {', '.join(unknown)} is not in resourceNames; add it there, or remove it"
            )
        return self

    def gpus_in(self, resources: Mapping[str, int]) -> Fraction:
        """How many GPUs these resources are."""
        return sum(
            (Fraction(count, self.per_gpu.get(name, 1)) for name, count in resources.items()),
            Fraction(0),
        )


class ImageCatalogue(Spec):
    """Images used where a spec names none."""

    training: Image | None = None
    """Image of a TrainingJob."""
    serving: Annotated[dict[Name, Image], Field(max_length=32)] = {}
    """Image of a Model by its format (`sklearn: …`)."""
    workspace: Image | None = None
    """Image of a Workspace: one with JupyterLab."""
    tools: Annotated[dict[Name, Image], Field(max_length=32)] = {}
    """Image of what a Tool runs in each team's namespace, by the Tool's name (`mlflow: …`)."""
    fetching: Image | None = None
    """Image that fetches data and models from where their URIs say, as KServe's storage initializer
    is started: `<image> URI FOLDER`. Its python3 and the libraries in it store outputs and what
    Models are asked."""
    proxy: Image | None = None
    """Image of Envoy, through which the requests of a Model go that keeps them (`requestLog`)."""


class Engines(Spec):
    """Which engine turns each ML kind into Kubernetes objects, and which one queues them."""

    training_job: Literal["native", "kubeflow", "ray"] = "native"
    """Engine of TrainingJobs: Kubernetes' own Jobs, Kubeflow Trainer, or Ray."""
    model: Literal["native", "kserve", "seldon"] = "native"
    """Engine of Models: Kubernetes' own Deployments, KServe, or Seldon Core 1."""
    queue: Literal["none", "kueue"] = "none"
    """Queue system. With `kueue`, what holds GPUs must wait in one of its tenant's queues."""
    queued_kinds: list[
        Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$")]
    ] = []
    """More kinds (`AppWrapper.workload.codeflare.dev`) that the queue system is set up to admit as
    a whole: each must name a queue itself, and the pods, Jobs and StatefulSets that it controls
    need not."""


class Identity(Spec):
    """Where users come from (OpenID Connect)."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.groupPrefix) || self.groupPrefix == '' || "
                "!('system:'.startsWith(self.groupPrefix) || "
                "self.groupPrefix.startsWith('system:'))",
                "with this prefix a team's group could be one of Kubernetes' own (system:…)",
            )
        )
    )

    issuer: str | None = Field(default=None, pattern=r"^https://[!-~]+$", max_length=253)
    """OIDC issuer URL, for the console and for the login hints of `manor`."""
    group_prefix: str = Field(default="", pattern=r"^[^\p{Cc}]*$", max_length=253)
    """Prefix that the API server puts before OIDC group names; written before each Group
    subject."""

    @field_validator("group_prefix")
    @classmethod
    def _leaves_system_alone(cls, prefix: str) -> str:
        if prefix and ("system:".startswith(prefix) or prefix.startswith("system:")):
            raise ValueError(
                f"with the prefix {prefix!r} a team's group could be one of Kubernetes' own "
                "(system:…); give the API server another one (--oidc-groups-prefix)"
            )
        return prefix


class WorkspaceSize(Resources):
    """What a Workspace may ask for, by a name."""

    name: Name
    """Name that Workspaces use for it."""


class WorkspaceSettings(Spec):
    """How long Workspaces run, and how large they are."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "duration(has(self.idleAfter) ? self.idleAfter : '1h') <= "
                "duration(has(self.idleMost) ? self.idleMost : '8h')",
                "idleAfter is longer than idleMost",
            ),
        )
    )

    idle_after: Duration = "1h"
    """How long nothing must happen in a Workspace until it stops, where it says nothing else."""
    idle_most: Duration = "8h"
    """The longest such time that a Workspace may ask for."""
    lifetime_most: Duration = "168h"
    """How long a Workspace runs at the most, whatever happens in it, until somebody starts it
    again."""
    sizes: Annotated[list[WorkspaceSize], Field(max_length=32), Once(("name",))] = []
    """What Workspaces may ask for; the first where one says nothing. Any resources where there are
    none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if seconds(self.idle_after) > seconds(self.idle_most):
            raise Misplaced(
                f"is longer than idleMost, {self.idle_most}; make it shorter", "idleAfter"
            )
        return self


class ContainerDefaults(Spec):
    """Requests and limits of a tenant's container that states none (LimitRange)."""

    cpu: Cores = "100m"
    """CPU request, in cores."""
    memory: Bytes = "256Mi"
    """Memory request and limit, in bytes."""


class Prices(Spec):
    """What teams' use costs, for `manor usage`; nobody is charged by it."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """Currency, by its three letters (EUR)."""
    cpu_hour: Price = 0
    """Of a core for an hour."""
    memory_gib_hour: Price = 0
    """Of a GiB of memory for an hour."""
    gpu_hour: Price = 0
    """Of a GPU for an hour, of whatever kind."""
    storage_gib_month: Price = 0
    """Of a GiB on a volume for a month of 730 hours."""


class MetadataSettings(Spec):
    """What tenants may write onto their objects beside what means nothing beyond their own
    namespace."""

    model_config = ConfigDict(json_schema_extra=cel(keys_rule("keys")))

    keys: Annotated[list[MetadataKey], AfterValidator(check_keys)] = Field(
        default=[], max_length=128
    )
    """Keys of labels and annotations, exact or `example.com/*`: a vendor's, your company's, a
    webhook's."""
    finalizers: list[Annotated[str, Field(pattern=ANNOTATION, max_length=316)]] = Field(
        default=[], max_length=32
    )
    """Finalizers that a webhook of the cluster puts onto a tenant's new object; Kueue's come with
    `engines.queue`."""
    owners: list[Annotated[str, Field(pattern=KIND_OF_GROUP, max_length=316)]] = Field(
        default=[], max_length=64
    )
    """Kinds beside Kubernetes' own that may own a tenant's object, as `Kind.group`; they must live
    in a namespace."""


def _annotation_keys(annotations: dict[str, str]) -> dict[str, str]:
    if wrong := [key for key in annotations if not re.match(ANNOTATION, key)]:
        raise ValueError(f"{', '.join(wrong)}: write a key such as example.com/internal")
    check_keys(list(annotations))
    return annotations


class ServiceSettings(Spec):
    """What a tenant's Services may ask of the cluster's load balancers."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            keys_rule("annotations"),
            keys_rule("loadBalancerAnnotations"),
            (
                "!has(self.loadBalancerAnnotations) || "
                f"self.loadBalancerAnnotations.all(k, k.size() <= 316 && "
                f"k.matches('{ANNOTATION}'))",
                "write a key such as example.com/internal",
            ),
        )
    )

    annotations: Annotated[list[MetadataKey], AfterValidator(check_keys)] = Field(
        default=[], max_length=64
    )
    """Keys of annotations that tenants may write onto Services, exact or `example.com/*`."""
    load_balancer_annotations: Annotated[
        dict[str, Annotated[str, Field(max_length=256)]], AfterValidator(_annotation_keys)
    ] = Field(default={}, max_length=16)
    """Annotations of each Service of type LoadBalancer, filled in where absent: such as one that
    keeps it internal."""


class Controller(Spec):
    """A controller of the cluster, by its service account."""

    namespace: Name
    """Namespace of the service account."""
    name: str = Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    """Name of the service account."""


class PlatformSpec(Spec):
    """What the cluster is and what its tenants get unless they say otherwise."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.resources) || self.resources.all(r, !(r in ['cpu', 'memory', 'storage', "
                "'ephemeral-storage', 'pods']) && !(has(self.gpu) && has(self.gpu.resourceNames) ? "
                "r in self.gpu.resourceNames : r == 'nvidia.com/gpu'))",
                (
                    "resources holds neither what counts as a GPU nor what a Tenant's quota has a "
                    "field for"
                ),
            ),
        )
    )

    domain: ClassName = Field(max_length=200)
    """DNS domain of the platform: a tenant is reached at `<tenant>.<domain>` unless it names
    hosts."""
    contact: Line = "your platform team"
    """Whom a tenant asks when a guardrail refuses something; part of every refusal's message."""
    network: PlatformNetwork
    """The cluster's own addresses."""
    gateway: GatewaySettings = GatewaySettings()
    """The way in from outside."""
    ingress: IngressSettings | None = None
    """Another way in, by Ingress; none unless set."""
    registries: Annotated[list[Registry], Field(max_length=64), Once()] = []
    """Image registries (host, or host/path) that every tenant may use."""
    storage_classes: Annotated[list[ClassName], Field(max_length=32), Once()] = []
    """Storage classes that every tenant may use."""
    priority_classes: Annotated[list[ClassName], Field(max_length=32), Once()] = []
    """Priority classes that every tenant may use; a pod without one is always admitted."""
    node_pools: Annotated[list[NodePool], Field(max_length=32), Once(("name",))] = []
    """Nodes that every tenant's pods may select and whose taints they may tolerate; GPU flavors
    come on top."""
    runtime_classes: Annotated[list[Name], Field(max_length=32), Once()] = []
    """Runtime classes that every tenant's pods may name beside the sandbox (`nvidia`, say)."""
    token_audiences: list[Annotated[str, Field(pattern=r"^[^,\s\p{Cc}]+$", max_length=253)]] = (
        Field(default=[], max_length=16)
    )
    """Audiences for which every tenant's pods may project a token: a cloud's identity service, a
    mesh."""
    csi_drivers: Annotated[list[ClassName], Field(max_length=32), Once()] = []
    """CSI drivers whose inline volumes every tenant's pods may mount (a secrets store, say)."""
    localhost_profiles: list[
        Annotated[str, Field(pattern=r"^[-A-Za-z0-9_./]+$", max_length=253)]
    ] = Field(default=[], max_length=64)
    """Seccomp and AppArmor profiles on the nodes that tenants' pods may name (type Localhost)."""
    user_namespaces: bool = True
    """Whether nodes can give a pod a user namespace (Linux 6.3, containerd 2 and runc 1.2, or
    later). A pod that states user or group IDs outside its tenant's range then gets one; where they
    cannot, it is refused."""
    gpu: GpuSettings = GpuSettings()
    """Accelerators."""
    prices: Prices | None = None
    """What `manor usage` reckons with; it shows no cost unless set."""
    resources: dict[str, Quantity] = Field(default={}, max_length=64)
    """What else tenants may ask for, and how much each gets unless its `quota.resources` says
    otherwise: extended resources that are no GPU (`vpc.amazonaws.com/efa: 0`), huge pages
    (`hugepages-2Mi: 1Gi`), DeviceClasses."""
    images: ImageCatalogue = ImageCatalogue()
    """Image catalogue."""
    engines: Engines = Engines()
    """Engine of each ML kind."""
    tools: Annotated[list[Name], Field(max_length=32), Once()] = []
    """ML systems that teams use beside Manor's own kinds: Tools that come with Manor, or of your
    own."""
    roles: ExtraRules = ExtraRules()
    """More rules for the three tenant roles: the kinds of other projects that teams work with."""
    identity: Identity = Identity()
    """Where users come from."""
    metadata: MetadataSettings = MetadataSettings()
    """Labels, annotations, finalizers and owners that tenants may write besides."""
    services: ServiceSettings = ServiceSettings()
    """Services and load balancers."""
    controllers: list[Controller] = Field(default=[], max_length=64)
    """Controllers whose writes to tenants' namespaces are the cluster's, though they may not write
    everywhere."""
    workspaces: WorkspaceSettings = WorkspaceSettings()
    """Notebooks and IDEs."""
    container_defaults: ContainerDefaults = ContainerDefaults()
    """Requests and limits of a container that states none."""
    sandbox_runtime_class: Name | None = None
    """RuntimeClass of sandboxed pods (gVisor); a Tenant with `sandbox: true` needs it."""

    @model_validator(mode="after")
    def _resources(self) -> Self:
        for name in self.resources:
            if name in NOT_COUNTED_HERE:
                raise ValueError(
                    f"resources: {name} is a field of each Tenant's quota; remove it here"
                )
            if name in self.gpu.resource_names:
                raise ValueError(
                    f"resources: {name} counts as a GPU (gpu.resourceNames); name it in one of them"
                )
        return self

    @property
    def data_plane_namespaces(self) -> list[str]:
        """Where the pods run that bring traffic from outside: front, proxies, and an ingress
        controller."""
        ingress = [self.ingress.data_plane.namespace] if self.ingress else []
        return [self.gateway.front.namespace, self.gateway.data_plane.namespace, *ingress]


class Platform(Kind):
    """The cluster as an ML platform. There is one, named `manor`."""

    api_version: ApiVersion
    kind: Literal["Platform"]
    metadata: PlatformMetadata = PlatformMetadata()
    spec: PlatformSpec

    @property
    def reserved_namespaces(self) -> list[str]:
        """Namespaces that no tenant may have: Kubernetes', Manor's, and of all pods that the
        Platform names."""
        return sorted(
            {*RESERVED_NAMESPACES, self.spec.gateway.front.namespace, *_namespaces(self.spec)}
        )


def _namespaces(part: object) -> Iterator[str]:
    """The namespace of every PodSelector in a part of the spec, wherever it stands."""
    if isinstance(part, PodSelector):
        yield part.namespace
    elif isinstance(part, Spec):
        yield from _namespaces([value for _, value in part])
    elif isinstance(part, list):
        for item in part:
            yield from _namespaces(item)
