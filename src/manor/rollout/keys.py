"""Keys to Models: made, taken back, and brought to the gateway.

The public half of a key stands in the Model, by the hand and with the rights of who makes it; who
applies the Model from a file does not take it away. The private half signs one token, and is gone.
"""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from manor.api import API_VERSION, Model, kinds
from manor.api.keys import ALGORITHM, claims
from manor.api.workload import ModelKey
from manor.engines import render_workload, tenant_of
from manor.errors import ManorError
from manor.kube import Client, Conflict, Forbidden, NotFound, Object, UnknownKind
from manor.limits import limits
from manor.load import Specs
from manor.objectset.applyset import FIELD_MANAGER, with_labels
from manor.objectset.kinds import SECURITY_POLICY, kind_of
from manor.objectset.readiness import readiness
from manor.polling import poll_until
from manor.rollout.handover import is_operated

Change = Callable[[list[ModelKey]], list[ModelKey]]


class NotAtGateway(ManorError):
    """The Model has its keys, and the gateway does not know them yet; the text says why."""


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


TIME = "%Y-%m-%dT%H:%M:%SZ"
"""How a Model says until when a key holds."""


def opens(token: str, model: Model, *, within: float = 0) -> bool:
    """Whether the token is of one of the model's keys, and holds for `within` seconds more."""
    signed, _, signature = token.rpartition(".")
    try:
        head, said = (json.loads(_decoded(part)) for part in signed.split("."))
        (public,) = (key.public_key for key in model.open_to if key.name == head["kid"])
        Ed25519PublicKey.from_public_bytes(_decoded(public)).verify(
            _decoded(signature), signed.encode()
        )
    except (ValueError, LookupError, TypeError, InvalidSignature):
        return False
    until = said.get("exp")
    return until is None or until > time.time() + within


async def change_keys(client: Client, model: Model, change: Change) -> Model:
    """The model with other keys, as it is stored now. Raises what `change` raises; NotFound,
    Forbidden; Conflict where somebody else writes it all the time."""
    name, namespace = model.metadata.name, model.metadata.namespace
    conflicts: list[Conflict] = []

    async def attempt() -> Object | None:
        live = await client.get(API_VERSION, kinds.MODEL.kind, name, namespace)
        access = Model.model_validate(live).spec.access
        keys = [key.model_dump(by_alias=True, exclude_none=True) for key in change([*access.keys])]
        body = {
            "metadata": {"resourceVersion": live["metadata"]["resourceVersion"]},
            "spec": {"access": {"keys": keys}},
        }
        try:
            return await client.patch(
                API_VERSION, kinds.MODEL.kind, name, body, namespace=namespace
            )
        except Conflict as error:
            conflicts.append(error)
            return None

    bounds = limits().apply
    stored = await poll_until(
        lambda live: live is not None, attempt, timeout=bounds.retry, interval=bounds.retry_pause
    )
    if stored is None:
        raise conflicts[-1]
    return Model.model_validate(stored)


async def bring_to_gateway(client: Client, known: Specs, model: Model) -> None:
    """Wait until the gateway takes the model's keys as they are stored. Where no operator brings
    them, they are written here. NotAtGateway says why it does not."""
    if model.public:
        return
    assert known.platform is not None  # noqa: S101 - there is no tenant without one
    tenant = tenant_of(model, known.tenants)
    made = render_workload(known.platform, tenant, model, known.toolset)
    (wanted,) = (obj for obj in made if kind_of(obj) == SECURITY_POLICY)
    where = wanted["apiVersion"], wanted["kind"], model.metadata.name, model.metadata.namespace
    try:
        live = await client.get(*where)
        if not await is_operated(client):
            labelled = with_labels(wanted, live["metadata"].get("labels") or {})
            await client.apply(labelled, field_manager=FIELD_MANAGER, force=True)
    except NotFound:
        raise NotAtGateway("the model was not made yet; it will have them once it is") from None
    except UnknownKind as error:
        raise NotAtGateway(f"the gateway takes no keys: {error}") from None
    except Forbidden as error:
        raise NotAtGateway(f"no operator brings them there, and you may not: {error}") from None

    async def look() -> Object:
        return await client.get(*where)

    bounds = limits().cli
    last = await poll_until(
        lambda obj: obj["spec"] == wanted["spec"] and readiness(obj).ready,
        look,
        timeout=bounds.keys,
        interval=bounds.keys_poll,
    )
    if last["spec"] != wanted["spec"]:
        raise NotAtGateway("the operator has not brought them there yet")
    if not (state := readiness(last)).ready:
        raise NotAtGateway(f"SecurityPolicy {model.metadata.name}: {state.reason}")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(data: bytes) -> str:
    """Base64url without its padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
