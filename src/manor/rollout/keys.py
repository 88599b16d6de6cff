"""Keys in Models: given out, taken back, and brought to the gateway.

The public half of a key stands in the Model, by the hand and with the rights of who makes it; who
applies the Model from a file does not take it away.
"""

from collections.abc import Callable

from manor.api import API_VERSION, Model, kinds
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
    """Wait until the gateway takes the keys of a model that is not public, as they are stored by
    then. Where no operator brings them, they are written here. NotAtGateway says why it does
    not."""
    name, namespace = model.metadata.name, model.metadata.namespace

    async def look() -> tuple[Object, Object]:
        """What stands before the route, as it is to be and as it is."""
        stored = await client.get(API_VERSION, kinds.MODEL.kind, name, namespace)
        wanted = _policy(known, Model.model_validate(stored))
        live = await client.get(wanted["apiVersion"], wanted["kind"], name, namespace)
        if live["spec"] != wanted["spec"] and not operated:
            labelled = with_labels(wanted, live["metadata"].get("labels") or {})
            live = await client.apply(labelled, field_manager=FIELD_MANAGER, force=True)
        return wanted, live

    operated, bounds = await is_operated(client), limits().cli
    try:
        wanted, live = await poll_until(
            lambda found: found[0]["spec"] == found[1]["spec"] and readiness(found[1]).ready,
            look,
            timeout=bounds.keys,
            interval=bounds.keys_poll,
        )
    except NotFound:
        raise NotAtGateway("the model was not made yet; it will have them once it is") from None
    except UnknownKind as error:
        raise NotAtGateway(f"the gateway takes no keys: {error}") from None
    except Forbidden as error:
        raise NotAtGateway(f"no operator brings them there, and you may not: {error}") from None
    if live["spec"] != wanted["spec"]:
        raise NotAtGateway("the operator has not brought them there yet")
    if not (state := readiness(live)).ready:
        raise NotAtGateway(f"SecurityPolicy {name}: {state.reason}")


def _policy(known: Specs, model: Model) -> Object:
    """What asks for the model's keys."""
    assert known.platform is not None  # noqa: S101 - there is no tenant without one
    tenant = tenant_of(model, known.tenants)
    made = render_workload(known.platform, tenant, model, known.toolset)
    return next(obj for obj in made if kind_of(obj) == SECURITY_POLICY)
