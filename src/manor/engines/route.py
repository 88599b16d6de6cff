"""The way to a Model: the same host and path whichever engine serves it."""

from collections.abc import Sequence

from manor.api import Model, Platform, Tenant
from manor.api.wellknown import SYSTEM_NAMESPACE
from manor.engines.owned import object_of
from manor.render import names, url
from manor.render.objects import Object


def route(
    platform: Platform, tenant: Tenant, model: Model, services: Sequence[str], *, port: int = 80
) -> Object:
    """The route to the Services of the model, and of its canary where that has one."""
    backends: list[Object] = [{"name": name, "port": port} for name in services]
    if model.spec.canary:
        weight = model.spec.canary.weight
        for backend, part in zip(backends, (100 - weight, weight), strict=True):
            backend["weight"] = part
    prefix = {"type": "PathPrefix", "value": _prefix(model)}
    rule: Object = {"matches": [{"path": prefix}], "backendRefs": backends}
    if model.custom:
        # The server knows nothing of where it is reached.
        bare = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        rule["filters"] = [{"type": "URLRewrite", "urlRewrite": {"path": bare}}]
    spec = {
        "parentRefs": [{"name": names.gateway(tenant), "namespace": SYSTEM_NAMESPACE}],
        "hostnames": [_host(platform, tenant, model)],
        "rules": [rule],
    }
    name = model.metadata.name
    return object_of("HTTPRoute", "gateway.networking.k8s.io/v1", name, model, spec=spec)


def model_url(platform: Platform, tenant: Tenant, model: Model) -> str:
    """Where the model answers: the Open Inference Protocol (`/v2/models/<name>/infer`), or
    `/models/<name>/`, under which a server of one's own is asked."""
    last = "" if model.custom else "infer"
    return f"{url(platform, _host(platform, tenant, model))}{_prefix(model)}/{last}"


def _prefix(model: Model) -> str:
    return f"{'' if model.custom else '/v2'}/models/{model.metadata.name}"


def _host(platform: Platform, tenant: Tenant, model: Model) -> str:
    hosts = tenant.hosts(platform.spec.domain)
    return model.spec.host or next((host for host in hosts if not host.startswith("*.")), hosts[0])
