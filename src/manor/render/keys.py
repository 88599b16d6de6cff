"""What asks for keys before a route, and what counts what they ask: two policies of Envoy
Gateway."""

from collections.abc import Iterable, Mapping

from manor.api.keys import ISSUER, KEY_HEADER, audience, key_set, limit_rules
from manor.api.wellknown import GATEWAY_GROUP
from manor.render.objects import Object


def keys_asked(namespace: str, name: str, keys: Iterable[tuple[str, str]]) -> Object:
    """The spec of the one policy of a route, by its name: the proxy answers 401 or 403 to what
    bears no key of this very name (policy manor-keys). `keys` are names and public halves."""
    provider: Object = {
        "name": "manor",
        "issuer": ISSUER,
        "audiences": [audience(namespace, name)],
        "claimToHeaders": [{"claim": "sub", "header": KEY_HEADER}],
        # Envoy Gateway would look into the query too, which servers write into their logs.
        "extractFrom": {"headers": [{"name": "Authorization", "valuePrefix": "Bearer "}]},
        "localJWKS": {"type": "Inline", "inline": key_set(keys)},
    }
    return {"targetRefs": _before(name), "jwt": {"providers": [provider]}}


def keys_bounded(name: str, limits: Mapping[str, int]) -> Object:
    """The spec of the one BackendTrafficPolicy of a route, by its name: the proxy answers 429 to a
    key, by its name, that asks more often a minute than it may (policy manor-limits). Whose a
    request is, the proxy itself has written by then, from the key that it bears."""
    return {"targetRefs": _before(name), "rateLimit": {"local": {"rules": limit_rules(limits)}}}


def _before(name: str) -> list[Object]:
    return [{"group": GATEWAY_GROUP, "kind": "HTTPRoute", "name": name}]
