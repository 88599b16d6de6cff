"""Keys in Models: given out, taken back, and brought to the gateway.

The public half of a key stands in the Model, by the hand and with the rights of who makes it; who
applies the Model from a file does not take it away.
"""

from collections.abc import Callable

from manor.api import API_VERSION, Model, kinds
from manor.api.wellknown import ENVOY_API
from manor.api.workload import ModelKey
from manor.engines import render_workload, tenant_of
from manor.errors import ManorError
from manor.kube import Client, Conflict, Forbidden, NotFound, Object, UnknownKind
from manor.limits import limits
from manor.load import Specs
from manor.objectset.applyset import FIELD_MANAGER
from manor.objectset.kinds import (
    BACKEND_TRAFFIC_POLICY,
    ENVOY_EXTENSION_POLICY,
    SECURITY_POLICY,
    GroupKind,
    kind_of,
)
from manor.objectset.readiness import readiness
from manor.polling import poll_until
from manor.state import is_operated

Change = Callable[[list[ModelKey]], list[ModelKey]]
_BOUNDS = (BACKEND_TRAFFIC_POLICY, ENVOY_EXTENSION_POLICY)
_Pair = tuple[Object | None, Object | None]
"""An object as it is to be, and as it is; None where it is not."""


class NotAtGateway(ManorError):
    """The Model has its keys, and the gateway does not know them yet; the text says why."""


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
    """Wait until the gateway takes the keys of a model that is not public, and their limits, as
    they are stored by then. Where no operator brings them, they are written here. NotAtGateway says
    why it does not."""
    name, namespace = model.metadata.name, model.metadata.namespace

    async def look() -> list[_Pair]:
        """What stands before the route: no key opens before its limit holds."""
        stored = await client.get(API_VERSION, kinds.MODEL.kind, name, namespace)
        made = _made(known, Model.model_validate(stored))
        asks = await client.get(ENVOY_API, SECURITY_POLICY[1], name, namespace)
        bounds = [(made.get(kind), await _bound(client, kind, name, namespace)) for kind in _BOUNDS]
        pairs = [*bounds, (made[SECURITY_POLICY], asks)]
        return pairs if operated else [await _bring(client, *pair, beside=asks) for pair in pairs]

    operated, times = await is_operated(client), limits().cli
    try:
        pairs = await poll_until(
            lambda pairs: not any(map(_lacks, pairs)),
            look,
            timeout=times.keys,
            interval=times.keys_poll,
        )
    except NotFound:
        raise NotAtGateway("the model was not made yet; it will have them once it is") from None
    except UnknownKind as error:
        raise NotAtGateway(f"the gateway takes no keys, or no limits: {error}") from None
    except Forbidden as error:
        raise NotAtGateway(f"no operator brings them there, and you may not: {error}") from None
    if lacks := next(filter(None, map(_lacks, pairs)), ""):
        raise NotAtGateway(lacks)


def _made(known: Specs, model: Model) -> dict[GroupKind, Object]:
    """What the model becomes; one of each kind that stands before its route."""
    assert known.platform is not None  # noqa: S101 - there is no tenant without one
    tenant = tenant_of(model, known.tenants)
    made = render_workload(known.platform, tenant, model, known.toolset)
    return {kind_of(obj): obj for obj in made}


async def _bound(client: Client, kind: GroupKind, name: str, namespace: str) -> Object | None:
    try:
        return await client.get(ENVOY_API, kind[1], name, namespace)
    except (NotFound, UnknownKind):
        return None


async def _bring(
    client: Client, wanted: Object | None, live: Object | None, *, beside: Object
) -> _Pair:
    """Write it as it is to be, with the labels and the owner of what is of the same set."""
    if live and not wanted:
        meta = live["metadata"]
        await client.delete(live["apiVersion"], live["kind"], meta["name"], meta["namespace"])
        return None, None
    if wanted and (not live or live["spec"] != wanted["spec"]):
        kept = {key: beside["metadata"].get(key) for key in ("labels", "ownerReferences")}
        meta = {**wanted["metadata"], **{key: value for key, value in kept.items() if value}}
        obj = {**wanted, "metadata": meta}
        live = await client.apply(obj, field_manager=FIELD_MANAGER, force=True)
    return wanted, live


def _lacks(pair: _Pair) -> str:
    """Why it does not hold yet; empty once it does."""
    wanted, live = pair
    if (wanted or {}).get("spec") != (live or {}).get("spec"):
        return "the operator has not brought them there yet"
    if live and not (state := readiness(live)).ready:
        return f"{live['kind']} {live['metadata']['name']}: {state.reason}"
    return ""
