"""Kueue's queues: each tenant's budget as a ClusterQueue of one cohort, with LocalQueues in its
namespaces.

What a tenant is guaranteed is its nominal quota, what it may borrow its borrowing limit; GPUs that
others borrow come back by preemption (`reclaimWithinCohort`). CPU, memory and disk are counted too,
since Kueue admits nothing that asks for a resource which its queue does not cover; they are each
tenant's own, and nobody borrows them.

Source: Kueue's documentation, "Cluster Queue" and "Cohort"; API kueue.x-k8s.io/v1beta2.
"""

from manor.api import Platform, Tenant
from manor.api.quantity import parse
from manor.api.wellknown import KUEUE_API, MANAGED, TENANT_LABEL
from manor.render.objects import Object, make
from manor.render.quota import gpu_resources, other_resources

COHORT = "manor"
"""All tenants lend to each other in it."""
PLAIN = "manor-plain"
"""The flavor of what is asked for beside GPUs, and of GPUs where the Platform names no flavor: any
node."""


def flavor(name: str) -> str:
    """The ResourceFlavor of one of the Platform's GPU flavors."""
    return f"manor-{name}"


def platform_objects(platform: Platform) -> list[Object]:
    """A ResourceFlavor for each kind of GPU node, and one for all else."""
    flavors = [make(KUEUE_API, "ResourceFlavor", PLAIN, spec={})]
    for gpu in platform.spec.gpu.flavors:
        spec: Object = {}
        if gpu.node_labels:
            spec["nodeLabels"] = dict(gpu.node_labels)
        if gpu.taint:
            key, _, value = gpu.taint.partition("=")
            exact = {"operator": "Equal", "value": value} if value else {"operator": "Exists"}
            spec["tolerations"] = [{"key": key, **exact, "effect": "NoSchedule"}]
        flavors.append(make(KUEUE_API, "ResourceFlavor", flavor(gpu.name), spec=spec))
    return flavors


def tenant_objects(platform: Platform, tenant: Tenant) -> list[Object]:
    """The tenant's ClusterQueue, and its queues in each of its namespaces."""
    spaces = {"matchLabels": {TENANT_LABEL: tenant.name}}
    spec = {
        "cohortName": COHORT,
        "namespaceSelector": spaces,
        "queueingStrategy": "BestEffortFIFO",
        "preemption": {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"},
        "resourceGroups": _groups(platform, tenant),
    }
    labels = {**MANAGED, TENANT_LABEL: tenant.name}
    queues = [
        make(KUEUE_API, "LocalQueue", queue, space.name, spec={"clusterQueue": tenant.name})
        for space in tenant.namespaces
        for queue in tenant.spec.queues
    ]
    return [make(KUEUE_API, "ClusterQueue", tenant.name, labels=labels, spec=spec), *queues]


def _groups(platform: Platform, tenant: Tenant) -> list[Object]:
    quota = tenant.spec.quota
    own = {"cpu": quota.cpu, "memory": quota.memory, "ephemeral-storage": quota.ephemeral_storage}
    own |= {
        name: amount for name, amount in other_resources(platform, tenant).items() if parse(amount)
    }
    gpus = {name: count for name, count in gpu_resources(platform, tenant).items() if count}
    flavors = [
        f.name for f in platform.spec.gpu.flavors if f.name in (tenant.spec.gpu.flavors or [f.name])
    ]
    mine = [
        {"name": name, "nominalQuota": amount, "borrowingLimit": "0"}
        for name, amount in own.items()
    ]
    if not gpus:
        return [_group([PLAIN], [mine])]
    if not flavors:
        return [_group([PLAIN], [[*mine, *_shared(platform, tenant, gpus)]])]
    # The guarantee is of the first flavor: a sum over flavors is nothing that Kueue counts. The
    # others can be borrowed.
    nothing = [
        {"name": name, "nominalQuota": "0", "borrowingLimit": str(count)}
        for name, count in gpus.items()
    ]
    first, *others = map(flavor, flavors)
    return [
        _group([PLAIN], [mine]),
        _group([first, *others], [_shared(platform, tenant, gpus), *([nothing] * len(others))]),
    ]


def _group(flavors: list[str], quotas: list[list[Object]]) -> Object:
    covered = [resource["name"] for resource in quotas[0]]
    listed = [
        {"name": name, "resources": resources}
        for name, resources in zip(flavors, quotas, strict=True)
    ]
    return {"coveredResources": covered, "flavors": listed}


def _shared(platform: Platform, tenant: Tenant, gpus: dict[str, int]) -> list[Object]:
    """Of each GPU resource the guaranteed part, and how many more may be borrowed."""
    share = tenant.spec.gpu
    shared = []
    for name, count in gpus.items():
        guaranteed = count * share.guarantee // share.total
        shared.append(
            {
                "name": name,
                "nominalQuota": str(guaranteed),
                "borrowingLimit": str(count - guaranteed),
            }
        )
    return shared
