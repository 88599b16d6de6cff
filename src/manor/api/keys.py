"""What a key to a Model is: a signed token whose public half stands in the Model's spec.

The private half is thrown away once the token is signed, so that nothing secret is kept anywhere.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

ISSUER = "manor.dev"
"""Who says so in every token."""
ALGORITHM = "EdDSA"
KEY_HEADER = "X-Manor-Key"
"""In which a model's server is told the name of the key; what a client says there is not passed
on."""
NOBODY = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""In the form of a public key, and none: y = 2 is no point of the curve (edwards25519), so that no
signature is by it. Envoy takes no empty set of keys."""

TOLD_APART = 16
"""How many keys one rule of the proxy counts, each for itself: Envoy tells twenty values of a
header apart, and Envoy Gateway takes patterns of 1024 characters."""


def audience(namespace: str, model: str) -> str:
    """For whom a token is: one model of one namespace."""
    return f"{namespace}/{model}"


def claims(
    namespace: str, model: str, key: str, issued: int, expires: int | None
) -> Mapping[str, Any]:
    """What a token says; times are in seconds since 1970."""
    said: dict[str, Any] = {
        "iss": ISSUER,
        "aud": audience(namespace, model),
        "sub": key,
        "iat": issued,
    }
    return said if expires is None else {**said, "exp": expires}


def key_set(keys: Iterable[tuple[str, str]]) -> str:
    """A JSON Web Key Set (RFC 7517, RFC 8037) of names and public keys, by name: always with one,
    though it be nobody's."""
    found = sorted(keys) or [("nobody", NOBODY)]
    entries = [
        {"alg": ALGORITHM, "crv": "Ed25519", "kid": name, "kty": "OKP", "x": public}
        for name, public in found
    ]
    return json.dumps({"keys": entries}, separators=(",", ":"))


def limit_rules(limits: Mapping[str, int]) -> list[dict[str, Any]]:
    """The proxy's rules (Envoy Gateway, local rate limits) by which each of these keys, by its
    name, may make so many requests a minute, and none at another's expense."""
    rules = []
    for limit in sorted({*limits.values()}):
        names = sorted(name for name, own in limits.items() if own == limit)
        for start in range(0, len(names), TOLD_APART):
            # Every field as it is stored, with the server's defaults.
            each = {"name": KEY_HEADER, "type": "Distinct", "invert": False}
            pattern = "|".join(names[start : start + TOLD_APART])
            of_these = {**each, "type": "RegularExpression", "value": pattern}
            rules.append(
                {
                    "clientSelectors": [{"headers": [each, of_these]}],
                    "limit": {"requests": limit, "unit": "Minute"},
                }
            )
    return rules


@cache
def token_counter() -> str:
    """The program that counts tokens in the proxy (its Lua filter): the same for every Model."""
    return resources.files("manor.api").joinpath("tokens.lua").read_text(encoding="utf-8")


def token_programs(limits: Mapping[str, int]) -> list[dict[str, Any]]:
    """What the proxy runs (Envoy Gateway, Lua) so that each of these keys, by its name, uses so
    many tokens a minute."""
    bounds = {"tokensPerMinute": dict(limits)}
    return [{"type": "Inline", "inline": token_counter(), "filterContext": bounds}]
