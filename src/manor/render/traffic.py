"""What the proxy does with requests for a Model beside handing them on: the one
BackendTrafficPolicy (policy manor-limits) and the one EnvoyExtensionPolicy (manor-tokens) of Envoy
Gateway before its route."""

from manor.api import Model
from manor.api.keys import limit_rules, token_programs
from manor.api.wellknown import GATEWAY_GROUP
from manor.render.objects import Object

CONNECTION_SECONDS = 10
"""After so long the proxy asks by another connection."""
_MOST = 512
"""Requests that wait at once before one Model; the next ones are refused (503)."""
_LARGEST = "16Mi"
"""A request that may wait is kept whole in the proxy's memory; larger ones are refused (413)."""
_WAITING: Object = {
    # The Service's own address, at which nobody listens while there is no replica.
    "routingType": "Service",
    # What has reached a replica is never sent twice.
    "retry": {
        "numRetries": 100_000,
        "retryOn": {"triggers": ["connect-failure"]},
        "perRetry": {"backOff": {"baseInterval": "100ms", "maxInterval": "500ms"}},
    },
    "timeout": {
        "tcp": {"connectTimeout": "250ms"},
        # A connection stays with the replica that it was made to, also while that one ends.
        "http": {"maxConnectionDuration": f"{CONNECTION_SECONDS}s"},
    },
    "circuitBreaker": {
        "maxConnections": 1024,
        "maxPendingRequests": 1024,
        "maxParallelRequests": 1024,
        "maxParallelRetries": _MOST,
    },
    "requestBuffer": {"limit": _LARGEST},
}


def traffic_policy(model: Model) -> Object | None:
    """Its spec, where there is anything to say: it answers 429 to a key that asks more often a
    minute than it may, and lets requests wait for a Model that may have no replica."""
    said: Object = {}
    if model.limits and not model.public:
        # Whose a request is, the proxy itself has written by then, from the key that it bears.
        said["rateLimit"] = {"local": {"rules": limit_rules(model.limits)}}
    if model.idle_seconds is not None:
        said |= _WAITING
    return {"targetRefs": [_route(model)], **said} if said else None


def token_policy(model: Model) -> Object | None:
    """Its spec, where a key is bounded: it answers 429 to one that has used its tokens."""
    if not model.token_limits or model.public:
        return None
    return {"targetRefs": [_route(model)], "lua": token_programs(model.token_limits)}


def _route(model: Model) -> Object:
    return {"group": GATEWAY_GROUP, "kind": "HTTPRoute", "name": model.metadata.name}
