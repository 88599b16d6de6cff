"""Keys to Models as they are signed and told apart: each a token of a key pair of its own, whose
private half is gone once the token is made."""

import base64
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from manor.api.keys import ALGORITHM, claims
from manor.api.workload import ModelKey

TIME = "%Y-%m-%dT%H:%M:%SZ"
"""How a Model says until when a key holds."""


@dataclass(frozen=True)
class Key:
    """A key as it is given out, once."""

    token: str
    """What its bearer sends: `Authorization: Bearer <token>`."""
    public: ModelKey


def make_key(namespace: str, model: str, name: str, expires: datetime | None) -> Key:
    """A new key to a model, of a key pair of its own that nobody keeps."""
    pair = Ed25519PrivateKey.generate()
    until = None if expires is None else int(expires.timestamp())
    said = claims(namespace, model, name, int(time.time()), until)
    head = {"alg": ALGORITHM, "kid": name, "typ": "JWT"}
    signed = f"{_encoded(_json(head))}.{_encoded(_json(said))}"
    token = f"{signed}.{_encoded(pair.sign(signed.encode()))}"
    ends = None if until is None else datetime.fromtimestamp(until, UTC).strftime(TIME)
    public = _encoded(pair.public_key().public_bytes_raw())
    return Key(token, ModelKey(name=name, public_key=public, expires=ends))


def opens(token: str, keys: Iterable[ModelKey], *, within: float = 0) -> bool:
    """Whether the token is of one of the keys, and holds for `within` seconds more."""
    signed, _, signature = token.rpartition(".")
    try:
        head, said = (json.loads(_decoded(part)) for part in signed.split("."))
        (public,) = (key.public_key for key in keys if key.name == head["kid"])
        Ed25519PublicKey.from_public_bytes(_decoded(public)).verify(
            _decoded(signature), signed.encode()
        )
    except (ValueError, LookupError, TypeError, InvalidSignature):
        return False
    until = said.get("exp")
    return until is None or until > time.time() + within


def has_ended(key: ModelKey) -> bool:
    """Whether a key holds no more."""
    return bool(key.expires and key.expires <= datetime.now(UTC).strftime(TIME))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(data: bytes) -> str:
    """Base64url without its padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
