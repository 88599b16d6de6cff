"""Deletes what specs became, workloads first; what others still stand on stays with them."""

from collections.abc import Sequence
from contextlib import suppress

from manor import log
from manor.api.status import Reason, Status
from manor.api.wellknown import OPERATOR_FINALIZER, PAUSED_ANNOTATION
from manor.apply import Action, KeptNamespace, Options, Phase, Ref, Result, delete, to_be_kept
from manor.errors import ManorError
from manor.kube import Client, NotFound, Object, UnknownKind
from manor.limits import limits
from manor.polling import poll_until
from manor.rollout.desired import Desired
from manor.rollout.outcome import Outcome, outcome_of
from manor.rollout.progress import Progress, SetKept, SetsStarted, logged, silent
from manor.rollout.sets import ObjectSet, Stages, each_set


class TenantsRemain(ManorError):
    """The Platform is to be deleted, and tenants on the cluster are not."""

    def __init__(self, tenants: Sequence[str]) -> None:
        names = ", ".join(tenants)
        super().__init__(
            f"the Platform still has tenants: {names}; delete them first, or name them too"
        )
        self.tenants = tuple(tenants)


def refuse_remaining(desired: Desired) -> None:
    """TenantsRemain where the Platform would go and leave tenants behind."""
    left = sorted(desired.known.tenants.keys() - desired.specs.tenants.keys())
    if desired.specs.platform is not None and left:
        raise TenantsRemain(left)


async def kept_namespaces(client: Client, stages: Stages, options: Options) -> list[KeptNamespace]:
    """The namespaces that `take_down` would keep with these options, and why. Writes nothing."""
    sets = [part for stage in stages for part in stage if not part.inventory.namespace]
    found = await each_set(sets, lambda part: to_be_kept(client, part.inventory, options))
    return [namespace for namespaces in found for namespace in namespaces]


async def take_down(
    client: Client, stages: Stages, options: Options, progress: Progress = silent
) -> Outcome:
    """Delete set after set. What others still stand on stays with them: with a tenant's volumes its
    guardrails too.

    Raises Unreachable; an error of one set stops what it stands on, and no other.
    """
    outcome, needed, progress = Outcome(), set[Ref | None](), logged(progress)

    async def attempt(part: ObjectSet) -> None:
        with log.bound(tenant=part.tenant):
            done = await outcome_of(part, _delete_set(client, part, options, progress), progress)
        outcome.sets.append(done)
        if done.error is not None or done.steps.having(Action.KEEP, Action.FAIL):
            needed.add(part.needs)

    for stage in stages:
        progress(SetsStarted(Phase.DELETE, tuple(stage)))
        going = [part for part in stage if part.ref not in needed]
        for part in stage:
            if part not in going:
                progress(SetKept(part))
                needed.add(part.needs)
        await each_set(going, attempt)
    return outcome


async def _delete_set(
    client: Client, part: ObjectSet, options: Options, progress: Progress
) -> Result:
    await _keep_operator_off(client, part)
    result = await delete(client, part.inventory, options, progress)
    # Of what people made of it in their own namespace, data stays without it.
    stays = (Action.FAIL,) if part.inventory.owned else (Action.KEEP, Action.FAIL)
    if part.parent is not None and not result.having(*stays):
        meta = part.parent["metadata"]
        with suppress(
            NotFound, UnknownKind
        ):  # it is gone, or its kind is, and all objects of the kind with it
            await client.delete(
                part.parent["apiVersion"], part.parent["kind"], meta["name"], meta.get("namespace")
            )
    return result


async def _keep_operator_off(client: Client, part: ObjectSet) -> None:
    """Where an operator keeps what is to go: it would make anew what is deleted. Waits until it
    says that it rests, but not for long, as there may be none any more."""
    if part.parent is None:
        return
    where = part.parent["apiVersion"], part.parent["kind"], part.parent["metadata"]["name"]

    async def live() -> Object:
        return await client.get(*where, part.inventory.namespace or None)

    def rests(obj: Object) -> bool:
        told = Status.model_validate(obj.get("status") or {}).conditions
        return any(condition.reason == Reason.PAUSED for condition in told)

    with suppress(NotFound, UnknownKind):
        if OPERATOR_FINALIZER in ((await live())["metadata"].get("finalizers") or ()):
            note = {"metadata": {"annotations": {PAUSED_ANNOTATION: "manor delete"}}}
            await client.patch(*where, note)
            bounds = limits().rollout
            await poll_until(rests, live, timeout=bounds.rests, interval=bounds.rests_poll)
