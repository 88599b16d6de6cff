"""What a tenant may use: its budget divided over its namespaces, and defaults for containers that
state nothing."""

from manor.api import Platform, Tenant
from manor.api.pack_zero import RULES
from manor.api.quantity import is_binary, split
from manor.api.wellknown import LIMITS, QUOTA
from manor.render.objects import Object, make
from manor.tools import NO_TOOLS, Toolset

LOAD_BALANCERS = 10
"""Services of type LoadBalancer of a tenant that may make them, with five ports each."""


def gpu_resources(platform: Platform, tenant: Tenant) -> dict[str, int]:
    """How many the tenant may hold of each resource that counts as a GPU; together never more GPUs
    than its budget."""
    gpu, total = platform.spec.gpu, tenant.spec.gpu.total
    first = gpu.resource_names[0]
    wanted = tenant.spec.gpu.resources or {first: total * gpu.per_gpu.get(first, 1)}
    held: dict[str, int] = {}
    for name in gpu.resource_names:
        left = (total - gpu.gpus_in(held)) * gpu.per_gpu.get(name, 1)
        held[name] = min(wanted.get(name, 0), int(left))
    return held


def other_resources(platform: Platform, tenant: Tenant) -> dict[str, str]:
    """How much the tenant may hold of what the Platform lists beside GPUs."""
    own = tenant.spec.quota.resources
    return {name: own.get(name, amount) for name, amount in platform.spec.resources.items()}


def is_device_class(resource: str) -> bool:
    """Whether it names a DeviceClass, whose devices resource claims take, and no resource that pods
    request."""
    return "/" not in resource and not resource.startswith("hugepages-")


def quota_key(resource: str) -> str:
    """A resource as a ResourceQuota names it."""
    return (
        f"{resource}.deviceclass.resource.k8s.io/devices"
        if is_device_class(resource)
        else f"requests.{resource}"
    )


def _counted(platform: Platform, tools: Toolset) -> set[str]:
    """What is counted one by one (`count/<resource>.<group>`): by the kinds' own rules, Tools' too,
    and what the Platform's extra rules let teams create."""
    known = {rule.resource for rule in (*RULES, *tools.rules) if rule.counted}
    roles = platform.spec.roles
    rules = [rule for rule in (*roles.owner, *roles.editor) if "create" in rule.verbs]
    return {
        f"{name}.{group}" for rule in rules for group in rule.api_groups for name in rule.resources
    } | known


def budget(platform: Platform, tenant: Tenant, tools: Toolset = NO_TOOLS) -> dict[str, str]:
    """The tenant's whole budget, in the words of a ResourceQuota."""
    quota = tenant.spec.quota
    hard = {
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        "limits.memory": quota.memory,
        "requests.storage": quota.storage,
        "requests.ephemeral-storage": quota.ephemeral_storage,
        "pods": str(quota.pods),
        # Finished pods lie in etcd until somebody deletes them.
        "count/pods": str(quota.pods + quota.objects),
        "requests.hugepages-1Gi": "0",
        "requests.hugepages-2Mi": "0",
        # Most load balancers come by a node port for each of theirs; the type NodePort itself is
        # refused.
        "services.nodeports": str(LOAD_BALANCERS * 5) if tenant.spec.load_balancers else "0",
        "services.loadbalancers": str(LOAD_BALANCERS) if tenant.spec.load_balancers else "0",
    }
    hard |= {quota_key(name): str(count) for name, count in gpu_resources(platform, tenant).items()}
    hard |= {quota_key(name): amount for name, amount in other_resources(platform, tenant).items()}
    hard |= {
        f"count/{resource}": str(quota.objects) for resource in sorted(_counted(platform, tools))
    }
    return hard


def _unit(resource: str, total: str) -> str:
    if resource == "requests.cpu":
        return "1m"
    return "1Mi" if is_binary(total) else "1"


def divide(
    platform: Platform, tenant: Tenant, tools: Toolset = NO_TOOLS
) -> dict[str, dict[str, str]]:
    """The ResourceQuota of each namespace; over the namespaces no resource adds up to more than the
    tenant's budget."""
    spaces = tenant.namespaces
    divided: dict[str, dict[str, str]] = {space.name: {} for space in spaces}
    shares = tuple(space.share for space in spaces)
    for resource, total in budget(platform, tenant, tools).items():
        parts = split(total, shares, unit=_unit(resource, total))
        for space, part in zip(spaces, parts, strict=True):
            divided[space.name][resource] = part
    return divided


def resource_quota(namespace: str, hard: dict[str, str]) -> Object:
    """The namespace's ResourceQuota."""
    return make("v1", "ResourceQuota", QUOTA, namespace, spec={"hard": hard})


def limit_range(namespace: str) -> Object:
    """The request of ephemeral storage of a container that states none, so that the quota can count
    every pod.

    Those of CPU and memory are filled in by the mutation beside manor-pods, which knows what the
    pod states as a whole.
    """
    limit = {"type": "Container", "defaultRequest": {"ephemeral-storage": "256Mi"}}
    return make("v1", "LimitRange", LIMITS, namespace, spec={"limits": [limit]})
