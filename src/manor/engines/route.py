"""The way to a Model: the same host and path whichever engine serves it, and who may go it how
often."""

from collections.abc import Iterable, Iterator, Sequence

from manor.api import Model, Platform, Tenant
from manor.api.keys import KEY_HEADER
from manor.api.wellknown import ENVOY_API, GATEWAY_API, SYSTEM_NAMESPACE
from manor.engines.owned import object_of
from manor.engines.protocol import Unsupported
from manor.objectset.kinds import (
    BACKEND_TRAFFIC_POLICY,
    ENVOY_EXTENSION_POLICY,
    HTTP_ROUTE,
    SECURITY_POLICY,
    kind_of,
)
from manor.render import names, routes, url
from manor.render.keys import keys_asked
from manor.render.objects import Object
from manor.render.traffic import token_policy, traffic_policy

WAY_KINDS = frozenset({HTTP_ROUTE, SECURITY_POLICY, BACKEND_TRAFFIC_POLICY, ENVOY_EXTENSION_POLICY})
"""What `way` makes."""
_LONGEST = "30m"
"""For an answer, the time that it waits included; Envoy would give up after 15 s. A server has as
long to load its model."""


def way(
    platform: Platform, tenant: Tenant, model: Model, services: Sequence[str], *, port: int = 80
) -> list[Object]:
    """The route to the Services of the model and of its canary, what asks for a key on it, and what
    the proxy does beside."""
    made, name = [] if model.public else [_keys(model)], model.metadata.name
    if traffic := traffic_policy(model):
        made.append(object_of("BackendTrafficPolicy", ENVOY_API, name, model, spec=traffic))
    if tokens := token_policy(model):
        made.append(object_of("EnvoyExtensionPolicy", ENVOY_API, name, model, spec=tokens))
    return [*made, _route(platform, tenant, model, services, port)]


def unheard(platform: Platform, model: Model) -> Iterator[Unsupported]:
    """The fields by which a model follows its requests, or counts their tokens, where its team has
    no proxy of its own that does."""
    fields = [
        *model.by_requests,
        *(("access", *field) for field in model.spec.access.counts_tokens),
    ]
    for field in fields if platform.spec.gateway.isolation == "shared" else ():
        message = "it takes a proxy of the team's own (the Platform's gateway.isolation: tenant)"
        yield Unsupported(("spec", *field), message)


def _keys(model: Model) -> Object:
    name, keys = model.metadata.name, ((key.name, key.public_key) for key in model.open_to)
    spec = keys_asked(model.metadata.namespace, name, keys)
    return object_of("SecurityPolicy", ENVOY_API, name, model, spec=spec)


def _route(
    platform: Platform, tenant: Tenant, model: Model, services: Sequence[str], port: int
) -> Object:
    canary = model.spec.canary
    parts = (100 - canary.answers, canary.answers) if canary else (1,)
    # The key is no affair of the server's; and where there is none, nobody has said whose it is.
    kept_back = {"remove": [KEY_HEADER if model.public else "Authorization"]}
    modifier = {"type": "RequestHeaderModifier", "requestHeaderModifier": kept_back}
    # Where each Service has filters, Envoy Gateway counts each by itself, under a name that stays
    # when another comes or goes.
    backends = [
        routes.service(name, port, weight=part, filters=[modifier])
        for name, part in zip(services, parts, strict=True)
    ]
    filters: list[Object] = []
    if model.custom:
        # The server knows nothing of where it is reached.
        bare = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        filters.append({"type": "URLRewrite", "urlRewrite": {"path": bare}})
    if canary and canary.shadow:
        copied = {"backendRef": routes.service(services[1], port), "percent": canary.weight}
        filters.append({"type": "RequestMirror", "requestMirror": copied})
    rule: Object = {
        "matches": [routes.below(_prefix(model))],
        **({"filters": filters} if filters else {}),
        "backendRefs": backends,
        "timeouts": {"request": _LONGEST},
    }
    spec = {
        "parentRefs": [routes.parent(names.gateway(tenant), namespace=SYSTEM_NAMESPACE)],
        "hostnames": [_host(platform, tenant, model)],
        "rules": [rule],
    }
    name = model.metadata.name
    return object_of("HTTPRoute", GATEWAY_API, name, model, spec=spec)


def without_share(objects: Iterable[Object]) -> list[Object]:
    """What a model becomes while its canary does not answer: the model gets all requests."""
    return [_all_to_the_first(obj) if kind_of(obj) == HTTP_ROUTE else obj for obj in objects]


def _all_to_the_first(route: Object) -> Object:
    spec = route["spec"]
    (rule,) = spec["rules"]
    parts = [{**to, "weight": 0 if place else 100} for place, to in enumerate(rule["backendRefs"])]
    return {**route, "spec": {**spec, "rules": [{**rule, "backendRefs": parts}]}}


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
