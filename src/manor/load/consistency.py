"""What no single spec can know: two tenants of one name, one namespace, one host; a tool that the platform lacks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from manor.api import Model, Platform, Tenant, TrainingJob, Workload
from manor.load.positions import Document, Path, Problem

Spec = Platform | Tenant | Workload
Entry = tuple[Document, Spec]


@dataclass
class _Claims:
    """Who was first to claim each name of a sort."""

    owners: dict[str, tuple[str, str]] = field(default_factory=dict)

    def claim(self, name: str, owner: str, place: str) -> tuple[str, str] | None:
        """None if `name` is now `owner`'s; otherwise who has it and where that is said."""
        holder = self.owners.setdefault(name, (owner, place))
        return None if holder == (owner, place) else holder


def hosts_overlap(one: str, other: str) -> bool:
    """Whether two host names, exact or `*.`-wildcard, have a name in common."""
    if one == other:
        return True
    for wide, narrow in ((one, other), (other, one)):
        if wide.startswith("*.") and narrow.removeprefix("*.").endswith(wide[1:]):
            return True
    return False


def _at(document: Document, path: Path, message: str) -> Problem:
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return Problem(document.source, document.line(path), name, message)


def _names(entries: Sequence[Entry]) -> Iterator[Problem]:
    claims = _Claims()
    for document, spec in entries:
        key = f"{spec.kind} {getattr(spec.metadata, 'namespace', '')}/{spec.metadata.name}"
        place = f"{document.source}:{document.line(('metadata', 'name'))}"
        if holder := claims.claim(key, key, place):
            message = f"{spec.kind} {spec.metadata.name!r} is defined twice; it is also at {holder[1]}"
            yield _at(document, ("metadata", "name"), message)


def _namespaces(tenants: Sequence[tuple[Document, Tenant]], known: Mapping[str, Tenant]) -> Iterator[Problem]:
    claims = _Claims()
    for tenant in known.values():
        for space in tenant.namespaces:
            claims.claim(space.name, tenant.name, "")
    slots = {name: t.name for t in [*known.values(), *(t for _, t in tenants)] for name in t.namespace_slots}
    for document, tenant in tenants:
        for index, space in enumerate(tenant.namespaces):
            path: Path = ("spec", "namespaces", index) if tenant.spec.namespaces else ("metadata", "name")
            if slots.get(space.name, tenant.name) != tenant.name:
                message = f"namespace {space.name!r} is kept for owners of tenant {slots[space.name]!r} to make"
                yield _at(document, path, f"{message}; choose another, or lower its maxNamespaces")
            holder = claims.claim(space.name, tenant.name, "")
            if holder:
                yield _at(document, path, f"namespace {space.name!r} belongs to tenant {holder[0]!r} already")


def _hosts(
    tenants: Sequence[tuple[Document, Tenant]], known: Mapping[str, Tenant], platform: Platform
) -> Iterator[Problem]:
    taken = [(host, t.name) for t in known.values() for host in t.hosts(platform.spec.domain)]
    for document, tenant in tenants:
        for index, host in enumerate(tenant.hosts(platform.spec.domain)):
            path: Path = ("spec", "hosts", index) if tenant.spec.hosts else ("metadata", "name")
            for other, owner in taken:
                if owner != tenant.name and hosts_overlap(host, other):
                    yield _at(document, path, f"host {host!r} overlaps {other!r} of tenant {owner!r}; choose another")
            taken.append((host, tenant.name))


def _user_ids(tenants: Sequence[tuple[Document, Tenant]], known: Mapping[str, Tenant]) -> Iterator[Problem]:
    taken = {tenant.user_ids.start: name for name, tenant in known.items()}
    for document, tenant in tenants:
        ids = tenant.user_ids
        owner = taken.setdefault(ids.start, tenant.name)
        if owner != tenant.name:
            path: Path = ("spec", "firstUserId") if tenant.spec.first_user_id else ("metadata", "name")
            message = (
                f"user IDs {ids.start} to {ids.stop - 1} are tenant {owner!r}'s already; write another firstUserId"
            )
            yield _at(document, path, message)


def _platform_needs(document: Document, tenant: Tenant, platform: Platform) -> Iterator[Problem]:
    spec, whole = tenant.spec, platform.spec
    if spec.sandbox and whole.sandbox_runtime_class is None:
        message = "the Platform has no sandbox: set its spec.sandboxRuntimeClass, or remove this"
        yield _at(document, ("spec", "sandbox"), message)
    pools = {pool.name for pool in whole.node_pools}
    for index, name in enumerate(spec.node_pools or []):
        if name not in pools:
            message = f"the Platform has no node pool {name!r}; it has: {', '.join(sorted(pools)) or 'none'}"
            yield _at(document, ("spec", "nodePools", index), message)
    flavors = {flavor.name for flavor in whole.gpu.flavors}
    for index, name in enumerate(spec.gpu.flavors):
        if name not in flavors:
            message = f"the Platform has no GPU flavor {name!r}; it has: {', '.join(sorted(flavors)) or 'none'}"
            yield _at(document, ("spec", "gpu", "flavors", index), message)
    yield from _resources(document, tenant, platform)
    peers = [peer.name for peer in whole.network.peers]
    for index, name in enumerate(spec.network.platform_peers or []):
        if name not in peers:
            message = f"the Platform has no network peer {name!r}; it has: {', '.join(peers) or 'none'}"
            yield _at(document, ("spec", "network", "platformPeers", index), message)
    for index, cidr in enumerate(spec.network.egress.cidrs):
        if (barred := whole.network.barring(cidr)) is not None:
            message = f"{cidr} is within {barred}, which no tenant reaches: remove it; "
            advice = "a DNS cache on the nodes is named in the Platform's spec.network.dns.addresses"
            yield _at(document, ("spec", "network", "egress", "cidrs", index), message + advice)
    if spec.network.api_server and not whole.network.api_servers:
        message = "the Platform does not say where the API server is: set its spec.network.apiServers, or remove this"
        yield _at(document, ("spec", "network", "apiServer"), message)


def _resources(document: Document, tenant: Tenant, platform: Platform) -> Iterator[Problem]:
    gpu, whole = tenant.spec.gpu, platform.spec
    for field_, names, known, where in (
        ("gpu", gpu.resources, whole.gpu.resource_names, "spec.gpu.resourceNames"),
        ("quota", tenant.spec.quota.resources, whole.resources, "spec.resources"),
    ):
        for name in names:
            if name not in known:
                message = f"{name} is not in the Platform's {where}: add it there, or use one of: "
                yield _at(document, ("spec", field_, "resources", name), message + (", ".join(known) or "none"))
    if (asked := whole.gpu.gpus_in(gpu.resources)) > gpu.total:
        message = f"these are {float(asked):g} GPUs, and guarantee and borrow are {gpu.total}: ask for fewer"
        yield _at(document, ("spec", "gpu", "resources"), message)


def _workload(
    document: Document, workload: Workload, homes: Mapping[str, Tenant], platform: Platform
) -> Iterator[Problem]:
    namespace = workload.metadata.namespace
    tenant = homes.get(namespace)
    if tenant is None:
        message = f"namespace {namespace!r} belongs to no tenant; one of: {', '.join(sorted(homes)) or 'none'}"
        yield _at(document, ("metadata", "namespace"), message)
        return
    if isinstance(workload, TrainingJob) and (queue := workload.spec.queue) is not None:
        if platform.spec.engines.queue == "none":
            message = "the Platform has no queue system: set its spec.engines.queue, or remove this"
            yield _at(document, ("spec", "queue"), message)
        elif queue not in tenant.spec.queues:
            message = f"{queue!r} is not a queue of tenant {tenant.name!r}; one of: {', '.join(tenant.spec.queues)}"
            yield _at(document, ("spec", "queue"), message)
    flavor = workload.spec.resources.gpu_flavor
    flavors = [f.name for f in platform.spec.gpu.flavors if f.name in (tenant.spec.gpu.flavors or [f.name])]
    if flavor is not None and flavor not in flavors:
        message = f"{flavor!r} is not a GPU flavor of tenant {tenant.name!r}; one of: {', '.join(flavors) or 'none'}"
        yield _at(document, ("spec", "resources", "gpuFlavor"), message)
    catalogue = platform.spec.images
    if isinstance(workload, TrainingJob) and workload.spec.image is None and catalogue.training is None:
        yield _at(document, ("spec", "image"), "the Platform has no training image (spec.images.training): name one")
    if isinstance(workload, Model):
        if workload.spec.image is None and workload.spec.format not in catalogue.serving:
            message = f"the Platform has no serving image for {workload.spec.format} (spec.images.serving): name one"
            yield _at(document, ("spec", "image"), message)
        hosts = tenant.hosts(platform.spec.domain)
        host = workload.spec.host
        if host is not None and not any(hosts_overlap(host, own) for own in hosts):
            message = f"{host!r} is not a host of tenant {tenant.name!r}; one of: {', '.join(hosts)}"
            yield _at(document, ("spec", "host"), message)


def check(entries: Sequence[Entry], platform: Platform | None, known: Mapping[str, Tenant]) -> list[Problem]:
    """Every problem that shows only when the specs are seen together, or beside `known`, the cluster's own tenants."""
    tenants = [(document, spec) for document, spec in entries if isinstance(spec, Tenant)]
    named = {tenant.name for _, tenant in tenants}
    others = {name: tenant for name, tenant in known.items() if name not in named}
    platform = next((spec for _, spec in entries if isinstance(spec, Platform)), platform)
    problems = [*_names(entries), *_namespaces(tenants, others)]
    if platform is None:
        missing = "there is no Platform in these files nor on the cluster: add one (kind: Platform, name: manor)"
        return [*problems, *(_at(document, (), missing) for document, _ in entries[:1])]
    problems += [*_hosts(tenants, others, platform), *_user_ids(tenants, others)]
    for document, tenant in tenants:
        problems += _platform_needs(document, tenant, platform)
    everyone = [*others.values(), *(tenant for _, tenant in tenants)]
    homes = {space.name: tenant for tenant in everyone for space in tenant.namespaces}
    for document, spec in entries:
        if isinstance(spec, TrainingJob | Model):
            problems += _workload(document, spec, homes, platform)
    return problems
