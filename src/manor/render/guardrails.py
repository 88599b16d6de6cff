"""The guardrails as objects: the admission policies, and the ConfigMap that says what one
namespace's tenant may use.

The policies themselves are YAML in `manor.policies`, one folder each; they are read from the
package, not from a path.
"""

from collections.abc import Iterable
from importlib import resources

from manor.api import Platform, Tenant, kinds
from manor.api.keys import token_counter
from manor.api.platform import GpuFlavor, NodePool
from manor.api.quantity import parse
from manor.api.subjects import ROLES
from manor.api.wellknown import (
    GUARDRAILS,
    MANAGED,
    OPERATOR,
    SYSTEM_NAMESPACE,
    service_account_user,
)
from manor.manifests import documents
from manor.policies import files
from manor.policies.digest import digest_annotation
from manor.render import metadata, names, pod_makers
from manor.render.expressions import completed, literal
from manor.render.network import egress_blocks
from manor.render.objects import Object, make
from manor.render.quota import gpu_resources, other_resources
from manor.tools import NO_TOOLS, Toolset
from manor.tools.guardrails import policies as tool_policies

_SANDBOX_NODES = {"gvisor": ("sandbox.gke.io/runtime", "gvisor")}
"""Node label and taint that the API server adds to a pod for its RuntimeClass: GKE's class is
called gvisor."""

QUEUED_KINDS = (
    *("Job.batch", "JobSet.jobset.x-k8s.io", "TrainJob.trainer.kubeflow.org"),
    *(
        f"{kind}.kubeflow.org"
        for kind in ("JAXJob", "MPIJob", "PaddleJob", "PyTorchJob", "TFJob", "XGBoostJob")
    ),
    *("RayCluster.ray.io", "RayJob.ray.io", "RayService.ray.io"),
)
"""What Kueue admits as a whole (its built-in integrations, less those by which it gates each
pod)."""

IN_PROCESS_ENV = (
    *(
        "CUDA_VISIBLE_DEVICES",
        "HIP_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
        "ASCEND_RT_VISIBLE_DEVICES",
    ),
    *("MUSA_VISIBLE_DEVICES", "NEURON_RT_VISIBLE_CORES", "HABANA_VISIBLE_MODULES"),
    *("TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES"),
)
"""Read by a vendor's library inside the container, where they only narrow what the container was
given."""

GRACE_SECONDS = 3600
"""Longest grace period of any pod: until it has ended its node cannot be emptied."""


def policies(platform: Platform, tools: Toolset = NO_TOOLS) -> list[Object]:
    """Every admission policy and binding, Tools' too; the Platform's contact is part of each
    refusal."""
    (shared,) = documents(
        resources.files("manor.policies").joinpath("shared.yaml").read_text(encoding="utf-8")
    )
    values = {name: literal(value) for name, value in _values(platform, tools).items()} | shared[
        "expressions"
    ]
    values["pod-spec"] = pod_makers.pod_spec()
    parts = {**shared["variables"], "pod-makers": pod_makers.resource_rules()}
    warnings = resources.files("manor.policies").joinpath("warnings.yaml")
    found: list[Object] = []
    for file in [*files(), warnings]:
        found += [
            completed(obj, parts, values) for obj in documents(file.read_text(encoding="utf-8"))
        ]
    found += [completed(obj, parts, values) for tool in tools.tools for obj in tool_policies(tool)]
    for obj in found:
        obj["metadata"]["labels"] = dict(MANAGED)
        if obj["kind"] == "ValidatingAdmissionPolicy" and obj["metadata"]["name"] in (
            "manor-queues",
            "manor-queued",
        ):
            groups = {kind.partition(".")[2] for kind in queued_kinds(platform, tools)} - {
                "apps",
                "batch",
            }
            obj["spec"]["matchConstraints"]["resourceRules"][-1]["apiGroups"] = sorted(groups)
        obj["metadata"]["annotations"] = digest_annotation(obj["spec"])
    return found


def _values(
    platform: Platform, tools: Toolset
) -> dict[str, bool | int | str | list[str] | dict[str, str]]:
    """What the policies may say `${name}` for."""
    spec = platform.spec
    return {
        "allowed-env": sorted({*IN_PROCESS_ENV, *spec.gpu.env}),
        "allowed-finalizers": metadata.finalizers(platform, tools),
        "allowed-keys": metadata.keys(platform),
        "allowed-owners": metadata.owners(platform, tools),
        "contact": spec.contact,
        "container-cpu": spec.container_defaults.cpu,
        "container-memory": spec.container_defaults.memory,
        "controllers": [service_account_user(c.namespace, c.name) for c in spec.controllers],
        "gpu-grace-seconds": GRACE_SECONDS
        if spec.engines.queue == "none"
        else spec.gpu.grace_seconds,
        "grace-seconds": GRACE_SECONDS,
        "load-balancer-annotations": spec.services.load_balancer_annotations,
        "localhost-profiles": spec.localhost_profiles,
        "operator": service_account_user(SYSTEM_NAMESPACE, OPERATOR),
        "queued-kinds": queued_kinds(platform, tools),
        "reserved-namespaces": tools.reserved_namespaces(platform),
        "sandbox-runtime-class": spec.sandbox_runtime_class or "",
        "token-counter": token_counter(),
        "tool-controllers": [service_account_user(c.namespace, c.name) for c in tools.controllers],
        "user-namespaces": spec.user_namespaces,
        "workloads": [info.singular for info in kinds.WORKLOADS],
    }


def queued_kinds(platform: Platform, tools: Toolset) -> list[str]:
    """Kinds (`Kind.group`) that the queue system admits as a whole."""
    return sorted({*QUEUED_KINDS, *platform.spec.engines.queued_kinds, *tools.queued_kinds})


def params(platform: Platform, tenant: Tenant, namespace: str) -> Object:
    """What the tenant may use in `namespace`, for the policies to read: lists joined by commas,
    members by line."""
    spec = tenant.spec
    sandbox, ingress = platform.spec.sandbox_runtime_class, platform.spec.ingress
    runtime_classes = _either(spec.runtime_classes, platform.spec.runtime_classes)
    gpus = [name for name, count in gpu_resources(platform, tenant).items() if count]
    others = [name for name, amount in other_resources(platform, tenant).items() if parse(amount)]
    data = {
        "tenant": tenant.name,
        "namespaces": _join(
            {namespace, *(share.name for share in tenant.namespaces), *tenant.namespace_slots}
        ),
        "members": "\n".join(members(platform, tenant)),
        "registries": _join(map(registry, _either(spec.registries, platform.spec.registries))),
        "storage-classes": _join(_either(spec.storage_classes, platform.spec.storage_classes)),
        "priority-classes": _join(_either(spec.priority_classes, platform.spec.priority_classes)),
        "runtime-classes": _join(
            [*([sandbox] if sandbox else []), *([] if spec.sandbox else runtime_classes)]
        ),
        "token-audiences": _join(_either(spec.token_audiences, platform.spec.token_audiences)),
        "csi-drivers": _join(_either(spec.csi_drivers, platform.spec.csi_drivers)),
        "sandbox": _yes(spec.sandbox),
        "node-labels": _join(node_labels(platform, tenant)),
        "tolerations": _join(tolerations(platform, tenant)),
        "gpu-resources": _join(gpus),
        "resources": _join([*gpus, *others]),
        "queues": _join(spec.queues if platform.spec.engines.queue == "kueue" else []),
        "egress": _join(_block(peer["ipBlock"]) for peer in egress_blocks(platform, tenant)),
        "hosts": _join(tenant.hosts(platform.spec.domain)),
        "gateway": f"{SYSTEM_NAMESPACE}/{names.gateway(tenant)}",
        "ingress-classes": _join(ingress.classes if ingress else []),
        "ingress-annotations": _join(ingress.annotations if ingress else []),
        "load-balancers": _yes(spec.load_balancers),
    }
    made = make("v1", "ConfigMap", GUARDRAILS, namespace, data=data)
    made["metadata"]["annotations"] = digest_annotation(data)
    return made


def _block(block: Object) -> str:
    """A network, and what is left out of it, joined by exclamation marks."""
    return "!".join([block["cidr"], *block.get("except", [])])


def members(platform: Platform, tenant: Tenant) -> list[str]:
    """Everyone in the tenant, as the policies compare subjects, sorted."""
    prefix = platform.spec.identity.group_prefix
    return sorted({subject.text(prefix) for role in ROLES for subject in tenant.subjects(role)})


def registry(text: str) -> str:
    """An allowed registry as the policy compares it: with its host, the host in lower case, no
    slash at the end.

    As in an image name, what has no host (no dot, no colon, not localhost) is a path on Docker Hub.
    """
    host, _, path = text.strip().rstrip("/").partition("/")
    if not ("." in host or ":" in host or host == "localhost"):
        host, path = "docker.io", f"{host}/{path}".rstrip("/")
    host = host.lower()
    host = "docker.io" if host == "index.docker.io" else host
    return f"{host}/{path}" if path else host


def node_labels(platform: Platform, tenant: Tenant) -> list[str]:
    """Node labels (key=value) that the tenant's pods may select."""
    pairs = [
        f"{key}={value}"
        for pool in _pools(platform, tenant)
        for key, values in pool.labels.items()
        for value in values
    ]
    for flavor in _flavors(platform, tenant):
        pairs += [f"{key}={value}" for key, value in flavor.node_labels.items()]
    if sandbox := _SANDBOX_NODES.get(platform.spec.sandbox_runtime_class or ""):
        pairs.append("=".join(sandbox))
    return pairs


def tolerations(platform: Platform, tenant: Tenant) -> list[str]:
    """Taints (key=value, or key) that the tenant's pods may tolerate; a resource's own key is that
    of its nodes."""
    keys = [taint for pool in _pools(platform, tenant) for taint in pool.taints]
    keys += [flavor.taint for flavor in _flavors(platform, tenant) if flavor.taint]
    if tenant.spec.gpu.total:
        keys += gpu_resources(platform, tenant)
    if sandbox := _SANDBOX_NODES.get(platform.spec.sandbox_runtime_class or ""):
        keys.append(sandbox[0])
    return keys


def _pools(platform: Platform, tenant: Tenant) -> list[NodePool]:
    wanted = tenant.spec.node_pools
    return [pool for pool in platform.spec.node_pools if wanted is None or pool.name in wanted]


def _flavors(platform: Platform, tenant: Tenant) -> list[GpuFlavor]:
    wanted = tenant.spec.gpu.flavors
    return [
        f
        for f in platform.spec.gpu.flavors
        if tenant.spec.gpu.total and (not wanted or f.name in wanted)
    ]


def _either(own: list[str] | None, default: list[str]) -> list[str]:
    return default if own is None else own


def _join(items: Iterable[str]) -> str:
    return ",".join(sorted(set(items)))


def _yes(value: bool) -> str:
    return "true" if value else "false"
