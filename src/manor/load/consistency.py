"""What no single spec can know: two tenants of one name, one namespace, one host; a tool that the
platform lacks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from manor.api import AnyKind, Model, Platform, Tenant, Tool, TrainingJob, Workload, Workspace
from manor.api.hosts import covers
from manor.api.quantity import seconds
from manor.load import claims
from manor.load.positions import Document, Path, Problem
from manor.tools import objections, toolbox, turned_on
from manor.tools.objects import says_image

if TYPE_CHECKING:
    from manor.load.specs import Specs

Entry = tuple[Document, AnyKind]


def _names(entries: Sequence[Entry]) -> Iterator[Problem]:
    first: dict[tuple[str, str, str], str] = {}
    for document, spec in entries:
        place = f"{document.source}:{document.line(('metadata', 'name'))}"
        key = spec.kind, getattr(spec.metadata, "namespace", ""), spec.metadata.name
        if (other := first.setdefault(key, place)) is not place:
            message = f"{spec.kind} {spec.metadata.name!r} is defined twice; it is also at {other}"
            yield document.problem(("metadata", "name"), message)


def _user_ids(
    tenants: Sequence[tuple[Document, Tenant]], known: Mapping[str, Tenant]
) -> Iterator[Problem]:
    files = {tenant.name: tenant for _, tenant in tenants}
    taken: dict[int, str] = {}
    for name, tenant in known.items():
        if files.get(name, tenant).user_ids == tenant.user_ids:
            taken.setdefault(tenant.user_ids.start, name)
    for document, tenant in tenants:
        ids = tenant.user_ids
        owner = taken.setdefault(ids.start, tenant.name)
        if owner != tenant.name:
            path: Path = (
                ("spec", "firstUserId") if tenant.spec.first_user_id else ("metadata", "name")
            )
            message = (
                f"user IDs {ids.start} to {ids.stop - 1} are tenant {owner!r}'s already; "
                f"write another firstUserId"
            )
            yield document.problem(path, message)


def _certificates(document: Document, tenant: Tenant, platform: Platform) -> Iterator[Problem]:
    hosts = tenant.hosts(platform.spec.domain)
    for host in tenant.spec.tls_secrets:
        path: Path = ("spec", "tlsSecrets", host)
        if host not in hosts:
            yield document.problem(
                path, f"{host!r} is not a host of the tenant: {', '.join(hosts)}"
            )
        if platform.spec.gateway.tls_secret is None:
            message = (
                "the gateway has no TLS: set the Platform's spec.gateway.tlsSecret first, "
                "or remove this"
            )
            yield document.problem(path, message)


def _named(document: Document, tenant: Tenant, platform: Platform) -> Iterator[Problem]:
    """What the tenant names of the Platform's, and the Platform lacks."""
    spec, whole = tenant.spec, platform.spec
    peers = [peer.name for peer in whole.network.peers]
    for path, what, wanted, known in (
        (
            ("nodePools",),
            "node pool",
            spec.node_pools,
            sorted(pool.name for pool in whole.node_pools),
        ),
        (
            ("gpu", "flavors"),
            "GPU flavor",
            spec.gpu.flavors,
            sorted(flavor.name for flavor in whole.gpu.flavors),
        ),
        (
            ("network", "platformPeers"),
            "network peer",
            spec.network.platform_peers,
            peers,
        ),
        (("tools",), "Tool", spec.tools, whole.tools),
    ):
        for index, name in enumerate(wanted or []):
            if name not in known:
                message = (
                    f"the Platform has no {what} {name!r}; it has: {', '.join(known) or 'none'}"
                )
                yield document.problem(("spec", *path, index), message)


def _platform_needs(document: Document, tenant: Tenant, platform: Platform) -> Iterator[Problem]:
    spec, whole = tenant.spec, platform.spec
    if spec.sandbox and whole.sandbox_runtime_class is None:
        message = "the Platform has no sandbox: set its spec.sandboxRuntimeClass, or remove this"
        yield document.problem(("spec", "sandbox"), message)
    yield from _named(document, tenant, platform)
    yield from _resources(document, tenant, platform)
    for index, cidr in enumerate(spec.network.egress.cidrs):
        if (barred := whole.network.barring(cidr)) is not None:
            message = f"{cidr} is within {barred}, which no tenant reaches: remove it; "
            advice = (
                "a DNS cache on the nodes is named in the Platform's spec.network.dns.addresses"
            )
            yield document.problem(("spec", "network", "egress", "cidrs", index), message + advice)
    yield from _certificates(document, tenant, platform)
    queue = whole.engines.queue
    if spec.gpu.total and queue in whole.tools and queue not in (spec.tools or [queue]):
        message = (
            f"what holds GPUs waits in queues here: add {queue}, or remove spec.gpu, "
            "lest GPUs be held that no queue counts"
        )
        yield document.problem(("spec", "tools"), message)
    if spec.network.api_server and not whole.network.api_servers:
        message = (
            "the Platform does not say where the API server is: set its "
            "spec.network.apiServers, or remove this"
        )
        yield document.problem(("spec", "network", "apiServer"), message)
    if spec.network.workload_identity and not whole.network.workload_identity:
        message = (
            "the Platform does not say that pods have cloud identities of their own: set its "
            "spec.network.workloadIdentity where they have, or remove this"
        )
        yield document.problem(("spec", "network", "workloadIdentity"), message)


def _tools(document: Document, platform: Platform, known: Mapping[str, Tool]) -> Iterator[Problem]:
    for index, name in enumerate(platform.spec.tools):
        if name not in known:
            message = f"there is no Tool {name!r}; there are: {', '.join(sorted(known)) or 'none'}"
            yield document.problem(("spec", "tools", index), message)
    yield from _needs(document, platform.spec.tools, known)
    for index, name in enumerate(platform.spec.tools):
        if name in known and (lack := _no_image(known[name], platform)):
            yield document.problem(("spec", "tools", index), lack)


def _no_image(tool: Tool, platform: Platform) -> str:
    """What is said where the Platform names no image of what the Tool runs for each team."""
    if not says_image(tool) or tool.name in platform.spec.images.tools:
        return ""
    return (
        f"{tool.name} runs an image in each team's namespace: name it in the Platform's "
        f"spec.images.tools.{tool.name}, from one of its registries"
    )


def _needs(
    document: Document, names: Sequence[str], known: Mapping[str, Tool]
) -> Iterator[Problem]:
    """Tools that others among these need, and that are not among them."""
    for index, name in enumerate(names):
        for need in known[name].spec.needs if name in known else ():
            if need not in names:
                yield document.problem(
                    ("spec", "tools", index), f"{name} needs the Tool {need}: name it as well"
                )


def _resources(document: Document, tenant: Tenant, platform: Platform) -> Iterator[Problem]:
    gpu, whole = tenant.spec.gpu, platform.spec
    for field_, names, known, where in (
        ("gpu", gpu.resources, whole.gpu.resource_names, "spec.gpu.resourceNames"),
        ("quota", tenant.spec.quota.resources, whole.resources, "spec.resources"),
    ):
        for name in names:
            if name not in known:
                message = f"{name} is not in the Platform's {where}: add it there, or use one of: "
                yield document.problem(
                    ("spec", field_, "resources", name), message + (", ".join(known) or "none")
                )
    if (asked := whole.gpu.gpus_in(gpu.resources)) > gpu.total:
        message = (
            f"these are {float(asked):g} GPUs, and guarantee and borrow are {gpu.total}: "
            f"ask for fewer"
        )
        yield document.problem(("spec", "gpu", "resources"), message)


def _workload(
    document: Document, workload: Workload, homes: Mapping[str, Tenant], platform: Platform
) -> Iterator[Problem]:
    namespace = workload.metadata.namespace
    tenant = homes.get(namespace)
    if tenant is None:
        message = (
            f"namespace {namespace!r} belongs to no tenant; one of: "
            f"{', '.join(sorted(homes)) or 'none'}"
        )
        yield document.problem(("metadata", "namespace"), message)
        return
    if not isinstance(workload, Model) and (queue := workload.spec.queue) is not None:
        if platform.spec.engines.queue == "none":
            message = "the Platform has no queue system: set its spec.engines.queue, or remove this"
            yield document.problem(("spec", "queue"), message)
        elif queue not in tenant.spec.queues:
            message = (
                f"{queue!r} is not a queue of tenant {tenant.name!r}; one of: "
                f"{', '.join(tenant.spec.queues)}"
            )
            yield document.problem(("spec", "queue"), message)
    if isinstance(workload, Workspace):
        yield from _workspace(document, workload, platform)
    asked = workload.spec.resources
    flavor = asked.gpu_flavor if asked else None
    flavors = [
        f.name for f in platform.spec.gpu.flavors if f.name in (tenant.spec.gpu.flavors or [f.name])
    ]
    if flavor is not None and flavor not in flavors:
        message = (
            f"{flavor!r} is not a GPU flavor of tenant {tenant.name!r}; one of: "
            f"{', '.join(flavors) or 'none'}"
        )
        yield document.problem(("spec", "resources", "gpuFlavor"), message)
    catalogue = platform.spec.images
    if (
        isinstance(workload, TrainingJob)
        and workload.spec.image is None
        and catalogue.training is None
    ):
        yield document.problem(
            ("spec", "image"), "the Platform has no training image (spec.images.training): name one"
        )
    for path in workload.fetched if catalogue.fetching is None else ():
        message = (
            "the Platform has no image that fetches and stores (spec.images.fetching): name one"
        )
        yield document.problem(("spec", *path), message)
    if isinstance(workload, Model):
        yield from _model(document, workload, tenant, platform)


def _model(
    document: Document, model: Model, tenant: Tenant, platform: Platform
) -> Iterator[Problem]:
    """What a model names that the Platform or its tenant has not."""
    spec, catalogue = model.spec, platform.spec.images
    for name in ("proxy", "fetching") if spec.request_log else ():
        if getattr(catalogue, name) is None:
            message = f"it takes an image that the Platform has not (spec.images.{name}): name one"
            yield document.problem(("spec", "requestLog"), message)
    if spec.image is None and spec.format not in catalogue.serving:
        message = (
            f"the Platform has no serving image for {spec.format} (spec.images.serving): name one"
        )
        yield document.problem(("spec", "image"), message)
    hosts, host = tenant.hosts(platform.spec.domain), spec.host
    if host is not None and not any(covers(own, host) for own in hosts):
        message = f"{host!r} is not a host of tenant {tenant.name!r}; one of: {', '.join(hosts)}"
        yield document.problem(("spec", "host"), message)


def _workspace(document: Document, workspace: Workspace, platform: Platform) -> Iterator[Problem]:
    """What a workspace may not ask for on this Platform."""
    spec, bounds = workspace.spec, platform.spec.workspaces
    sizes = ", ".join(size.name for size in bounds.sizes)
    if spec.size is not None and spec.size not in {size.name for size in bounds.sizes}:
        message = f"the Platform has no size {spec.size!r}; one of: {sizes or 'none'}"
        yield document.problem(("spec", "size"), message)
    elif spec.resources is not None and sizes:
        message = f"workspaces of this Platform have a size: write size, one of: {sizes}"
        yield document.problem(("spec", "resources"), message)
    for field, wanted, most in (
        ("idleAfter", spec.idle_after, bounds.idle_most),
        ("lifetime", spec.lifetime, bounds.lifetime_most),
    ):
        if wanted is not None and seconds(wanted) > seconds(most):
            yield document.problem(
                ("spec", field), f"{wanted} is longer than {most}, the most here"
            )
    if spec.image is None and platform.spec.images.workspace is None:
        message = "the Platform has no workspace image (spec.images.workspace): name one"
        yield document.problem(("spec", "image"), message)


def _volumes(
    document: Document, workload: Workload, tenant: Tenant, there: Sequence[str]
) -> Iterator[Problem]:
    """The volumes that a workload mounts and that are neither its tenant's nor `there`, in its
    namespace."""
    namespace, first = workload.metadata.namespace, tenant.namespaces[0].name
    own = [
        volume.name for volume in tenant.spec.volumes if (volume.namespace or first) == namespace
    ]
    for path, name in workload.mounted:
        if name not in own and name not in there:
            known = ", ".join(sorted({*own, *there})) or "none"
            yield document.problem(
                ("spec", *path), f"namespace {namespace!r} has no volume {name!r}; it has: {known}"
            )


def _reserved(
    document: Document,
    reserved: Sequence[str],
    tenants: Mapping[str, Tenant],
    before: Sequence[str],
) -> Iterator[Problem]:
    """Namespaces that the Platform or a Tool names as its own, as they were not `before`, and that
    a tenant has."""
    new = set(reserved) - set(before)
    for tenant in tenants.values():
        for name in sorted(new & {space.name for space in tenant.namespaces}):
            message = (
                f"namespace {name!r}, which it names as the platform's own, belongs to "
                f"tenant {tenant.name!r}"
            )
            yield document.problem(("spec",), message)


def check(entries: Sequence[Entry], known: "Specs") -> list[Problem]:
    """Every problem that shows only when the specs are seen together, or beside `known`, the
    cluster's own."""
    tenants = [(document, spec) for document, spec in entries if isinstance(spec, Tenant)]
    platform = next((spec for _, spec in entries if isinstance(spec, Platform)), known.platform)
    problems = list(_names(entries))
    if platform is None:
        missing = (
            "there is no Platform in these files nor on the cluster: add one (kind: "
            "Platform, name: manor)"
        )
        return [*problems, *(document.problem((), missing) for document, _ in entries[:1])]
    own = {**known.tools, **{spec.name: spec for _, spec in entries if isinstance(spec, Tool)}}
    named = platform.spec.tools or any(tenant.spec.tools for _, tenant in tenants)
    tools = toolbox(own) if named else own  # the shipped ones are read where somebody names one
    reserved = turned_on(platform, own).reserved_namespaces(platform)
    before = known.toolset.reserved_namespaces(known.platform) if known.platform else []
    problems += claims.namespaces(tenants, known.tenants, reserved, known.namespaces)
    problems += claims.hosts(tenants, known.tenants, platform)
    problems += _user_ids(tenants, known.tenants)
    for document, tenant in tenants:
        problems += _platform_needs(document, tenant, platform)
        problems += _needs(document, tenant.spec.tools or [], tools)
    everyone = known.tenants | {tenant.name: tenant for _, tenant in tenants}
    homes = {space.name: tenant for tenant in everyone.values() for space in tenant.namespaces}
    for document, spec in entries:
        if isinstance(spec, Platform):
            problems += _reserved(document, reserved, known.tenants, before)
            problems += _tools(document, spec, tools)
        elif isinstance(spec, Tool):
            problems += [document.problem(error.path, str(error)) for error in objections(spec)]
            # Where the Platform is in the files too, it is told there.
            if known.platform is platform and spec.name in platform.spec.tools:
                lack = _no_image(spec, platform)
                problems += [document.problem(("spec", "objects"), lack)] if lack else []
        elif not isinstance(spec, Tenant):
            problems += _workload(document, spec, homes, platform)
            namespace = spec.metadata.namespace
            if namespace in known.claims and namespace in homes:
                problems += _volumes(document, spec, homes[namespace], known.claims[namespace])
    return problems
