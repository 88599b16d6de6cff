"""Specs to objects: the Platform and tenants by render, workloads by the engine that the Platform
names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from manor.api import Model, Platform, Tenant, Tool, TrainingJob, Workload
from manor.engines.protocol import Unsupported
from manor.engines.queues import queue_objects
from manor.engines.registry import engine_for, unknown
from manor.engines.review import Compiled, Objection, Spec, review
from manor.render import Object, render_platform, render_tenant
from manor.tools import NO_TOOLS, Toolset


def render_workload(platform: Platform, tenant: Tenant, workload: Workload) -> list[Object]:
    """The objects that run a workload, by the engine that the Platform names for its kind.

    Unsupported if there is no such engine, or it cannot do what the spec asks; the message says
    what it can.
    """
    engine = engine_for(workload.kind, platform.spec.engines)
    for error in engine.unsupported(workload):
        raise error
    return engine.render(platform, tenant, workload)


def model_url(platform: Platform, tenant: Tenant, model: Model) -> str:
    """Where the model answers the Open Inference Protocol."""
    return engine_for(model.kind, platform.spec.engines).url(platform, tenant, model)


def homes(tenants: Mapping[str, Tenant]) -> dict[str, Tenant]:
    """The tenant of each namespace; the first where several claim it."""
    return {
        space.name: tenant
        for tenant in reversed(list(tenants.values()))
        for space in tenant.namespaces
    }


def tenant_of(workload: Workload, tenants: Mapping[str, Tenant]) -> Tenant:
    """The tenant whose namespace holds the workload. LookupError if there is none."""
    namespace = workload.metadata.namespace
    if tenant := homes(tenants).get(namespace):
        return tenant
    raise LookupError(f"namespace {namespace!r} belongs to no tenant")


def _objects(
    spec: Spec,
    platform: Platform,
    tenants: Mapping[str, Tenant],
    places: Mapping[str, Tenant],
    tools: Toolset,
) -> list[Object]:
    match spec:
        case Platform():
            return [*render_platform(spec, tools), *queue_objects(spec, tools)]
        case Tool():
            return []  # what follows from it is the Platform's and the tenants'
        case Tenant():
            return [
                *render_tenant(platform, spec, tenants, tools),
                *queue_objects(platform, tools, spec),
            ]
        case TrainingJob() | Model():
            return render_workload(platform, places[spec.metadata.namespace], spec)


def _ordered(specs: Sequence[Spec]) -> list[Spec]:
    order = {"Tool": 0, "Platform": 1, "Tenant": 2}
    return sorted(specs, key=lambda spec: order.get(spec.kind, 3))


def compile_specs(
    platform: Platform,
    tenants: Mapping[str, Tenant],
    specs: Sequence[Spec],
    tools: Toolset = NO_TOOLS,
) -> Iterator[Compiled]:
    """What each of `specs` becomes: Tools, the Platform, then tenants, then workloads, each in the
    order given.

    `tenants` is every tenant of the platform, those not in `specs` too; `tools` are those that it
    has turned on.
    """
    places = homes(tenants)
    for spec in _ordered(specs):
        yield Compiled(spec, _objects(spec, platform, tenants, places, tools))


def checked(
    platform: Platform,
    tenants: Mapping[str, Tenant],
    specs: Sequence[Spec],
    beside: Sequence[Workload] = (),
    tools: Toolset = NO_TOOLS,
) -> tuple[list[Compiled], list[Objection]]:
    """What `compile_specs` makes, and all that speaks against it; `beside` are the workloads that
    run already."""
    places = homes(tenants)
    made: list[Compiled] = []
    objections: list[Objection] = []
    for spec in _ordered(specs):
        against = list(_unsupported(spec, platform))
        objections += against
        if not against:
            made.append(Compiled(spec, _objects(spec, platform, tenants, places, tools)))
    running = []
    for workload in beside:
        with suppress(Unsupported, KeyError):
            running.append(Compiled(workload, _objects(workload, platform, tenants, places, tools)))
    return made, [*objections, *review(platform, places, made, running, tools)]


def _unsupported(spec: Spec, platform: Platform) -> Iterator[Objection]:
    """What no engine can do of a spec; of a workload also that the Platform names no engine that
    there is."""
    match spec:
        case Platform():
            yield from (Objection(spec, error.path, str(error)) for error in unknown(spec))
        case TrainingJob() | Model():
            missing = list(unknown(platform, [spec.kind]))
            for error in missing:
                field = ".".join(map(str, error.path))
                yield Objection(spec, ("kind",), f"the Platform's {field} cannot be used: {error}")
            if not missing:
                engine = engine_for(spec.kind, platform.spec.engines)
                yield from (
                    Objection(spec, error.path, str(error)) for error in engine.unsupported(spec)
                )
        case _:
            return
