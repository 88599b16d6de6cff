"""How an ML kind becomes Kubernetes objects: one module an engine, chosen by the Platform."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from manor.api import Model, Platform, Tenant, TrainingJob, Workload, kinds
from manor.engines import native
from manor.engines.review import Compiled, Objection, Spec, review
from manor.engines.storage import Unsupported
from manor.render import Object, render_platform, render_tenant

__all__ = [
    "MADE_KINDS",
    "Compiled",
    "Objection",
    "Unsupported",
    "checked",
    "compile_specs",
    "home",
    "model_url",
    "render_workload",
]

MADE_KINDS = native.MADE_KINDS
model_url = native.model_url


def render_workload(platform: Platform, tenant: Tenant, workload: Workload) -> list[Object]:
    """The objects that run a workload, by the engine that the Platform names for its kind.

    Unsupported if the engine cannot do what the spec asks; the message says what it can.
    """
    match workload:
        case TrainingJob():
            return native.training_job(platform, tenant, workload)
        case Model():
            return native.model(platform, tenant, workload)


def homes(tenants: Mapping[str, Tenant]) -> dict[str, Tenant]:
    """The tenant of each namespace; the first where several claim it."""
    return {space.name: tenant for tenant in reversed(list(tenants.values())) for space in tenant.namespaces}


def home(workload: Workload, tenants: Mapping[str, Tenant]) -> Tenant:
    """The tenant whose namespace holds the workload. LookupError if there is none."""
    namespace = workload.metadata.namespace
    if tenant := homes(tenants).get(namespace):
        return tenant
    raise LookupError(f"namespace {namespace!r} belongs to no tenant")


def _objects(
    spec: Spec, platform: Platform, tenants: Mapping[str, Tenant], places: Mapping[str, Tenant]
) -> list[Object]:
    match spec:
        case Platform():
            return render_platform(spec)
        case Tenant():
            return render_tenant(platform, spec, tenants)
        case _:
            return render_workload(platform, places[spec.metadata.namespace], spec)


def _ordered(specs: Sequence[Spec]) -> list[Spec]:
    order = {kinds.PLATFORM.kind: 0, kinds.TENANT.kind: 1}
    return sorted(specs, key=lambda spec: order.get(spec.kind, 2))


def compile_specs(platform: Platform, tenants: Mapping[str, Tenant], specs: Sequence[Spec]) -> Iterator[Compiled]:
    """What each of `specs` becomes: the Platform first, then tenants, then workloads, each in the order given.

    `tenants` is every tenant of the platform, those not in `specs` too.
    """
    places = homes(tenants)
    for spec in _ordered(specs):
        yield Compiled(spec, _objects(spec, platform, tenants, places))


def checked(
    platform: Platform, tenants: Mapping[str, Tenant], specs: Sequence[Spec], beside: Sequence[Workload] = ()
) -> tuple[list[Compiled], list[Objection]]:
    """What `compile_specs` makes, and all that speaks against it; `beside` are the workloads that run already."""
    places = homes(tenants)
    made: list[Compiled] = []
    objections: list[Objection] = []
    for spec in _ordered(specs):
        try:
            made.append(Compiled(spec, _objects(spec, platform, tenants, places)))
        except Unsupported as error:
            objections.append(Objection(spec, ("spec", "storageUri"), str(error)))
    running = []
    for workload in beside:
        with suppress(Unsupported, KeyError):
            running.append(Compiled(workload, _objects(workload, platform, tenants, places)))
    return made, [*objections, *review(platform, places, made, running)]
