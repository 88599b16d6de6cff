"""How an ML kind becomes Kubernetes objects: one module an engine, chosen by the Platform."""

from manor.api import Model, Platform, Tenant, TrainingJob, Workload
from manor.engines import native
from manor.render.objects import Object

__all__ = ["model_url", "render_workload"]

model_url = native.model_url


def render_workload(platform: Platform, tenant: Tenant, workload: Workload) -> list[Object]:
    """The objects that run a workload, by the engine that the Platform names for its kind.

    ValueError if the engine cannot do what the spec asks; the message says what it can.
    """
    match workload:
        case TrainingJob():
            return native.training_job(platform, workload)
        case Model():
            return native.model(platform, tenant, workload)
