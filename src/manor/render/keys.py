"""What asks for keys before a route: a SecurityPolicy of Envoy Gateway."""

from collections.abc import Iterable

from manor.api.keys import ISSUER, KEY_HEADER, audience, key_set
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
    return {
        "targetRefs": [{"group": GATEWAY_GROUP, "kind": "HTTPRoute", "name": name}],
        "jwt": {"providers": [provider]},
    }
