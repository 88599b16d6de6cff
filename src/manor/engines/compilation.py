"""Specs to objects: the Platform and tenants by render, workloads by the engine that the Platform
names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from manor.api import Model, Platform, Tenant, Tool, TrainingJob, Workload, Workspace
from manor.engines.protocol import Engine, GroupKind, Unsupported
from manor.engines.queues import queue_kinds, queue_objects
from manor.engines.registry import KINDS, controlling, engine_for, lacking, made_kinds, unknown
from manor.engines.review import Compiled, Objection, Spec, review
from manor.engines.route import unheard
from manor.render import Object, render_platform, render_tenant
from manor.tools import NO_TOOLS, Toolset
from manor.tools.objects import tool_env


def render_workload(
    platform: Platform, tenant: Tenant, workload: Workload, tools: Toolset = NO_TOOLS
) -> list[Object]:
    """The objects that run a workload, by the engine that the Platform names for its kind; `tools`
    are the Platform's.

    Unsupported if there is no such engine, or it cannot do what the spec asks; the message says
    what it can.
    """
    engine = engine_for(workload.kind, platform.spec.engines)
    workload = _with_env(workload, tool_env(platform, tenant, tools.of(tenant)))
    for error in _not_to_be(platform, engine, workload):
        raise error
    return engine.render(platform, tenant, workload)


def _not_to_be(
    platform: Platform, engine: Engine[Any], workload: Workload
) -> Iterator[Unsupported]:
    """What neither the engine nor the Platform's gateway can do."""
    yield from engine.unsupported(workload)
    if isinstance(workload, Model):
        yield from unheard(platform, workload)


def _with_env(workload: Workload, env: Mapping[str, str]) -> Workload:
    """The workload with the variables that it does not set itself."""
    if not env:
        return workload
    spec = workload.spec.model_copy(update={"env": {**env, **workload.spec.env}})
    return workload.model_copy(update={"spec": spec})


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


def _compiled(
    spec: Spec,
    platform: Platform,
    tenants: Mapping[str, Tenant],
    places: Mapping[str, Tenant],
    tools: Toolset,
) -> Compiled:
    match spec:
        case Platform():
            made = frozenset[GroupKind]().union(*(made_kinds(kind, tools) for kind in KINDS))
            queued = queue_kinds(spec, tools)
            own = render_platform(spec, tools, queued, made, controlling(tools))
            return Compiled(spec, [*own, *queue_objects(spec, tools)])
        case Tool():
            return Compiled(spec, [])  # what follows from it is the Platform's and the tenants'
        case Tenant():
            own = render_tenant(platform, spec, tenants, tools)
            return Compiled(spec, [*own, *queue_objects(platform, tools, spec)])
        case TrainingJob() | Model() | Workspace():
            objects = render_workload(platform, places[spec.metadata.namespace], spec, tools)
            pods = engine_for(spec.kind, platform.spec.engines).pods(objects)
            return Compiled(spec, objects, tuple(pods))


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
        yield _compiled(spec, platform, tenants, places, tools)


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
        against = list(_unsupported(spec, platform, places, tools))
        objections += against
        if not against:
            made.append(_compiled(spec, platform, tenants, places, tools))
    running = []
    for workload in beside:
        with suppress(Unsupported, KeyError):
            running.append(_compiled(workload, platform, tenants, places, tools))
    return made, [*objections, *review(platform, places, made, running, tools)]


def _unsupported(
    spec: Spec, platform: Platform, places: Mapping[str, Tenant], tools: Toolset
) -> Iterator[Objection]:
    """What no engine can do of a spec; of a workload also that its engine is not to be had."""
    match spec:
        case Platform():
            yield from (Objection(spec, error.path, str(error)) for error in unknown(spec))
            yield from (Objection(spec, error.path, str(error)) for error in lacking(spec, tools))
        case TrainingJob() | Model() | Workspace():
            problems = [*unknown(platform, [spec.kind]), *lacking(platform, tools, [spec.kind])]
            for error in problems:
                field = ".".join(map(str, error.path))
                yield Objection(spec, ("kind",), f"the Platform's {field} cannot be used: {error}")
            if not problems:
                engine = engine_for(spec.kind, platform.spec.engines)
                tenant = places[spec.metadata.namespace]
                if engine.tool and engine.tool not in tools.of(tenant).names:
                    message = f"the Platform runs {spec.kind}s by the Tool {engine.tool}"
                    lack = (
                        f"tenant {tenant.name} does not use it: add it to the Tenant's spec.tools"
                    )
                    yield Objection(spec, ("kind",), f"{message}, and {lack}")
                given = _with_env(spec, tool_env(platform, tenant, tools.of(tenant)))
                for error in _not_to_be(platform, engine, given):
                    yield Objection(spec, error.path, str(error))
        case _:
            return
