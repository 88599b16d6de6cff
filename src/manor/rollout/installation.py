"""Installs the operator, and takes it off again: teams and what they have stand through both."""

from contextlib import suppress

from manor.api import API_VERSION, kinds
from manor.api.wellknown import OPERATOR, OPERATOR_FINALIZER, SYSTEM_NAMESPACE
from manor.apply import Inventory, NotReady, Options, Pending, Result, delete
from manor.apply.concurrency import concurrently
from manor.apply.progress import Progress, silent
from manor.errors import ManorError
from manor.kube import Client, NotFound, Object, UnknownKind
from manor.limits import limits
from manor.objectset.references import ref_of
from manor.polling import poll_until
from manor.render.operator import PODS
from manor.rollout.sets import ObjectSet, Stages, foundation

_INVENTORY = Inventory(OPERATOR, SYSTEM_NAMESPACE)
"""Not the foundation's: `manor apply` of a Platform prunes that one to what it needs itself."""
_HELD = (kinds.TENANT, *kinds.WORKLOADS)
"""The kinds whose objects the operator keeps until it has cleaned up."""


def install_stages(operator: list[Object]) -> Stages:
    """The foundation, then the operator's objects."""
    first = foundation()
    return [[first], [ObjectSet("operator", _INVENTORY, None, operator, first.ref)]]


class InstalledOtherwise(ManorError):
    """The operator stands, and another tool installed it."""

    def __init__(self) -> None:
        super().__init__(
            f"Deployment {SYSTEM_NAMESPACE}/{OPERATOR} was not made by `manor install`: remove it "
            f"where it comes from (Helm, Argo CD, Flux), then run this again for what it leaves"
        )


async def remove_operator(client: Client, options: Options, progress: Progress = silent) -> Result:
    """Delete what installed the operator, and wait until it runs no more; its lock goes too.

    Raises NotReady where something is not gone in time; running again goes on.
    InstalledOtherwise.
    """
    result = await delete(client, _INVENTORY, options, progress)
    if await _stands(client):
        raise InstalledOtherwise
    await _until_stopped(client, options.timeout)
    with suppress(NotFound):
        await client.delete("coordination.k8s.io/v1", "Lease", OPERATOR, SYSTEM_NAMESPACE)
    return result


async def _stands(client: Client) -> bool:
    try:
        await client.get("apps/v1", "Deployment", OPERATOR, SYSTEM_NAMESPACE)
    except NotFound:
        return False
    return True


async def _until_stopped(client: Client, timeout: float) -> None:
    """Until no pod of it is left, which could write once more."""

    async def pods() -> list[Object]:
        return await client.list("v1", "Pod", SYSTEM_NAMESPACE, PODS)

    left = await poll_until(
        lambda found: not found, pods, timeout=timeout, interval=limits().apply.gone_poll
    )
    if left:
        pending = [Pending(ref_of(pod), "still runs") for pod in left]
        raise NotReady(f"not gone after {timeout:g} s:", pending)


async def release(client: Client) -> list[Object]:
    """Take the operator's finalizer off everything, so that no deletion waits for it; what had
    one."""
    held: list[Object] = []
    for info in _HELD:
        with suppress(UnknownKind):  # its definition is gone, and all of the kind with it
            found = await client.list(API_VERSION, info.kind)
            held += [obj for obj in found if OPERATOR_FINALIZER in _finalizers(obj)]
    await concurrently(_release(client, obj) for obj in held)
    return held


async def _release(client: Client, obj: Object) -> None:
    meta = obj["metadata"]
    place = f"/metadata/finalizers/{_finalizers(obj).index(OPERATOR_FINALIZER)}"
    # The test fails where others changed the list meanwhile: nobody else's is taken.
    body = [
        {"op": "test", "path": place, "value": OPERATOR_FINALIZER},
        {"op": "remove", "path": place},
    ]
    with suppress(NotFound):  # gone meanwhile
        await client.patch(
            obj["apiVersion"],
            obj["kind"],
            meta["name"],
            body,
            namespace=meta.get("namespace"),
            content_type="application/json-patch+json",
        )


def _finalizers(obj: Object) -> list[str]:
    return obj["metadata"].get("finalizers") or []
