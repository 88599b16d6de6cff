"""Platform: what is true of the whole cluster. One object, named `manor`."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from manor.api.meta import ApiVersion, Metadata, MetadataKey, Name, Spec, cel, check_keys, keys_rule
from manor.api.quantity import Quantity

TAINT = r"^[-A-Za-z0-9_./]+(=[-A-Za-z0-9_.]*)?$"
ANNOTATION = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
KIND_OF_GROUP = r"^[A-Z][A-Za-z0-9]*[.][a-z0-9]([-a-z0-9.]*[a-z0-9])?$"


def _network(value: Any) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value)
    except ValueError as error:
        advice = "write a network such as 10.0.0.0/8, or a single address as 10.0.0.1/32"
        raise ValueError(f"{error}; {advice}") from None


Network = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "format": "cidr"}),
]
"""An IPv4 or IPv6 network in CIDR notation."""


class PlatformMetadata(Metadata):
    """The Platform's metadata: there is one platform in a cluster, and its name is `manor`."""

    name: Literal["manor"] = "manor"
    """Always `manor`."""


class PodSelector(Spec):
    """Pods by namespace and labels, as a NetworkPolicy peer names them."""

    namespace: Name
    """Namespace of the pods."""
    labels: dict[str, str] = {}
    """Labels that the pods have; none selects every pod of the namespace."""


class ApiServerEndpoint(Spec):
    """Where pods reach the API server behind its Service."""

    cidr: Network
    """Address of the API server, as a CIDR (a single address is /32)."""
    port: int = Field(default=443, ge=1, le=65535)
    """TCP port of the API server itself, not of the Service."""


class PlatformNetwork(Spec):
    """Addresses that belong to the cluster; a tenant that may reach the internet may not reach these."""

    pod_cidrs: list[Network] = Field(min_length=1)
    """Addresses of pods."""
    service_cidrs: list[Network] = Field(min_length=1)
    """Addresses of Services."""
    node_cidrs: list[Network] = Field(min_length=1)
    """Addresses of nodes (the subnet, so that a new node is covered)."""
    blocked_cidrs: list[Network] = []
    """More addresses that no tenant may reach, such as a company network."""
    api_servers: list[ApiServerEndpoint] = []
    """API server addresses, opened to tenants with `network.apiServer: true`."""
    dns: PodSelector = PodSelector(namespace="kube-system", labels={"k8s-app": "kube-dns"})
    """The cluster's DNS pods."""


class GatewaySettings(Spec):
    """How tenants are reached from outside (Gateway API)."""

    class_name: str = Field(default="manor", min_length=1)
    """GatewayClass of the tenants' Gateways."""
    data_plane: PodSelector = PodSelector(namespace="envoy-gateway-system")
    """The proxy pods whose traffic tenants' pods accept."""
    port: int = Field(default=80, ge=1, le=65535)
    """Port of the HTTP listeners, or of the HTTPS listeners when `tlsSecret` is set."""
    tls_secret: Name | None = None
    """Secret of type kubernetes.io/tls in namespace manor-system that serves every tenant's host names."""
    external_port: int | None = Field(default=None, ge=1, le=65535)
    """Port under which users reach the gateway where it differs from `port` (a NodePort, say); used in printed URLs."""


class IngressSettings(Spec):
    """Ingress beside the gateway, for teams that bring Ingress objects along."""

    classes: list[Name] = Field(min_length=1)
    """Ingress classes that tenants may use."""
    data_plane: PodSelector
    """The ingress controller's pods, whose traffic tenants' pods accept."""
    annotations: list[str] = []
    """Keys of annotations that tenants may set; others with a domain would configure the controller and are refused."""


class NodePool(Spec):
    """Nodes that tenants' pods may choose, and the taints that keep other pods off them."""

    name: Name
    """Name that tenants use for it."""
    labels: dict[str, list[str]] = {}
    """Labels of its nodes, each with the values that it has among them (zones, say)."""
    taints: list[Annotated[str, Field(pattern=TAINT)]] = []
    """Taints of its nodes, as `key=value`, or as `key` where any value may be tolerated."""


class GpuFlavor(Spec):
    """One kind of accelerator node."""

    name: Name
    """Name that tenants use for it."""
    node_labels: dict[str, str] = {}
    """Labels of its nodes."""
    taint: str | None = None
    """Key of the taint that keeps other pods off its nodes; tenants with a GPU share tolerate it."""


class GpuSettings(Spec):
    """The cluster's accelerators."""

    resource_names: list[str] = ["nvidia.com/gpu"]
    """Extended resources that count as a GPU."""
    flavors: list[GpuFlavor] = []
    """Kinds of GPU nodes."""


class ImageCatalogue(Spec):
    """Images used where a spec names none."""

    training: str | None = None
    """Image of a TrainingJob."""
    serving: dict[str, str] = {}
    """Image of a Model by its format (`sklearn: …`)."""


class Engines(Spec):
    """Which engine turns each ML kind into Kubernetes objects, and which one queues them."""

    training_job: Literal["native"] = "native"
    """Engine of TrainingJobs."""
    model: Literal["native"] = "native"
    """Engine of Models."""
    queue: Literal["none", "kueue"] = "none"
    """Queue system. With `kueue`, what holds GPUs must wait in one of its tenant's queues."""


class Identity(Spec):
    """Where users come from (OpenID Connect)."""

    issuer: str | None = Field(default=None, pattern=r"^https://.+")
    """OIDC issuer URL, for the console and for the login hints of `manor`."""
    group_prefix: str = ""
    """Prefix that the API server puts before OIDC group names; written before each Group subject."""


class ContainerDefaults(Spec):
    """Requests and limits of a tenant's container that states none (LimitRange)."""

    cpu: Quantity = "100m"
    """CPU request, in cores."""
    memory: Quantity = "256Mi"
    """Memory request and limit, in bytes."""


class MetadataSettings(Spec):
    """What tenants may write onto their objects beside what means nothing beyond their own namespace."""

    model_config = ConfigDict(json_schema_extra=cel(keys_rule("keys")))

    keys: Annotated[list[MetadataKey], AfterValidator(check_keys)] = Field(default=[], max_length=128)
    """Keys of labels and annotations, exact or `example.com/*`: a vendor's, your company's, a webhook's."""
    finalizers: list[Annotated[str, Field(pattern=ANNOTATION, max_length=316)]] = Field(default=[], max_length=32)
    """Finalizers that a webhook of the cluster puts onto a tenant's new object; Kueue's come with `engines.queue`."""
    owners: list[Annotated[str, Field(pattern=KIND_OF_GROUP, max_length=316)]] = Field(default=[], max_length=64)
    """Kinds beside Kubernetes' own that may own a tenant's object, as `Kind.group`; they must live in a namespace."""


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
                f"self.loadBalancerAnnotations.all(k, k.size() <= 316 && k.matches('{ANNOTATION}'))",
                "write a key such as example.com/internal",
            ),
        )
    )

    annotations: Annotated[list[MetadataKey], AfterValidator(check_keys)] = Field(default=[], max_length=64)
    """Keys of annotations that tenants may write onto Services, exact or `example.com/*`."""
    load_balancer_annotations: Annotated[
        dict[str, Annotated[str, Field(max_length=256)]], AfterValidator(_annotation_keys)
    ] = Field(default={}, max_length=16)
    """Annotations of each Service of type LoadBalancer, filled in where absent: such as one that keeps it internal."""


class Controller(Spec):
    """A controller of the cluster, by its service account."""

    namespace: Name
    """Namespace of the service account."""
    name: str = Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    """Name of the service account."""


class PlatformSpec(Spec):
    """What the cluster is and what its tenants get unless they say otherwise."""

    domain: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=200)
    """DNS domain of the platform: a tenant is reached at `<tenant>.<domain>` unless it names hosts."""
    contact: str = "your platform team"
    """Whom a tenant asks when a guardrail refuses something; part of every refusal's message."""
    network: PlatformNetwork
    """The cluster's own addresses."""
    gateway: GatewaySettings = GatewaySettings()
    """The way in from outside."""
    ingress: IngressSettings | None = None
    """Another way in, by Ingress; none unless set."""
    registries: list[str] = []
    """Image registries (host, or host/path) that every tenant may use."""
    storage_classes: list[str] = Field(default=[], max_length=32)
    """Storage classes that every tenant may use."""
    priority_classes: list[str] = []
    """Priority classes that every tenant may use; a pod without one is always admitted."""
    node_pools: list[NodePool] = []
    """Nodes that every tenant's pods may select and whose taints they may tolerate; GPU flavors come on top."""
    runtime_classes: list[Name] = []
    """Runtime classes that every tenant's pods may name beside the sandbox (`nvidia`, say)."""
    token_audiences: list[Annotated[str, Field(pattern=r"^[^,\s]+$", max_length=253)]] = Field(
        default=[], max_length=16
    )
    """Audiences for which every tenant's pods may project a token: a cloud's identity service, a mesh."""
    csi_drivers: list[Annotated[str, Field(pattern=r"^[-a-z0-9.]+$")]] = []
    """CSI drivers whose inline volumes every tenant's pods may mount (a secrets store, say)."""
    localhost_profiles: list[Annotated[str, Field(pattern=r"^[-A-Za-z0-9_./]+$", max_length=253)]] = []
    """Seccomp and AppArmor profiles on the nodes that tenants' pods may name (type Localhost)."""
    user_namespaces: bool = True
    """Whether nodes can give a pod a user namespace (Linux 6.3, containerd 2 and runc 1.2, or later). A pod that states
    user or group IDs outside its tenant's range then gets one; where they cannot, it is refused."""
    gpu: GpuSettings = GpuSettings()
    """Accelerators."""
    images: ImageCatalogue = ImageCatalogue()
    """Image catalogue."""
    engines: Engines = Engines()
    """Engine of each ML kind."""
    identity: Identity = Identity()
    """Where users come from."""
    metadata: MetadataSettings = MetadataSettings()
    """Labels, annotations, finalizers and owners that tenants may write besides."""
    services: ServiceSettings = ServiceSettings()
    """Services and load balancers."""
    controllers: list[Controller] = Field(default=[], max_length=64)
    """Controllers whose writes to tenants' namespaces are the cluster's, though they may not write everywhere."""
    container_defaults: ContainerDefaults = ContainerDefaults()
    """Requests and limits of a container that states none."""
    sandbox_runtime_class: Name | None = None
    """RuntimeClass of sandboxed pods (gVisor); a Tenant with `sandbox: true` needs it."""

    @property
    def data_planes(self) -> list[PodSelector]:
        """The pods that bring traffic from outside: the gateway's, and the ingress controller's where there is one."""
        return [self.gateway.data_plane, *([self.ingress.data_plane] if self.ingress else [])]


class Platform(Spec):
    """The cluster as an ML platform. There is one, named `manor`."""

    api_version: ApiVersion
    kind: Literal["Platform"]
    metadata: PlatformMetadata = PlatformMetadata()
    spec: PlatformSpec

    @model_validator(mode="before")
    @classmethod
    def _drop_status(cls, data: object) -> object:
        return without_status(data)


def without_status(data: object) -> object:
    """A live object as a spec: its status is the API server's and says nothing of what is wanted."""
    return {k: v for k, v in data.items() if k != "status"} if isinstance(data, dict) else data
