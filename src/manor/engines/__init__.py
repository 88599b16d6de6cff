"""How an ML kind becomes Kubernetes objects: one module an engine, chosen by the Platform."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from manor.api import Model, Platform, Tenant, TrainingJob, Workload
from manor.engines import native
from manor.engines.storage import Unsupported
from manor.render import Object, render_platform, render_tenant

__all__ = ["Compiled", "Unsupported", "compile_specs", "home", "model_url", "render_workload"]

model_url = native.model_url


@dataclass(frozen=True)
class Compiled:
    """A Manor object and all that it becomes."""

    spec: Platform | Tenant | Workload
    objects: list[Object]


def render_workload(platform: Platform, tenant: Tenant, workload: Workload) -> list[Object]:
    """The objects that run a workload, by the engine that the Platform names for its kind.

    Unsupported if the engine cannot do what the spec asks; the message says what it can.
    """
    match workload:
        case TrainingJob():
            return native.training_job(platform, tenant, workload)
        case Model():
            return native.model(platform, tenant, workload)


def home(workload: Workload, tenants: Mapping[str, Tenant]) -> Tenant:
    """The tenant whose namespace holds the workload. LookupError if there is none."""
    namespace = workload.metadata.namespace
    for tenant in tenants.values():
        if any(space.name == namespace for space in tenant.namespaces):
            return tenant
    raise LookupError(f"namespace {namespace!r} belongs to no tenant")


def compile_specs(
    platform: Platform,
    tenants: Mapping[str, Tenant],
    specs: Sequence[Platform | Tenant | Workload],
) -> Iterator[Compiled]:
    """What each of `specs` becomes: the Platform first, then tenants, then workloads, each in the order given.

    `tenants` is every tenant of the platform, those not in `specs` too.
    """
    order = {"Platform": 0, "Tenant": 1}
    for spec in sorted(specs, key=lambda spec: order.get(spec.kind, 2)):
        match spec:
            case Platform():
                yield Compiled(spec, render_platform(spec))
            case Tenant():
                yield Compiled(spec, render_tenant(platform, spec, tenants))
            case TrainingJob() | Model():
                yield Compiled(spec, render_workload(platform, home(spec, tenants), spec))
