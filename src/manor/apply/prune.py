"""What goes and what stays when members are no longer wanted. Data, and what people made, goes only
on consent."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from manor.apply.concurrency import concurrently
from manor.apply.options import Options
from manor.apply.reasons import Reason
from manor.apply.steps import Action, Step
from manor.apply.work import Work, work_in
from manor.kube import ApiError, Client, NotFound, Object, UnknownKind
from manor.objectset.inventory import Inventory
from manor.objectset.kinds import CUSTOM_RESOURCE_DEFINITION
from manor.objectset.order import wave_of
from manor.objectset.protection import guards_namespace, holds_data
from manor.objectset.references import Ref, is_namespace, ref_of

CONSENT = "to delete it, delete data explicitly"
NAMED_CONSENT = "to delete it with that, name it explicitly"


@dataclass(frozen=True)
class Pruning:
    """`waves` are to be deleted one after another; `kept` stay, and say why; `implied` go with
    their namespace.

    `work` is what people made in each namespace that stays.
    """

    waves: tuple[tuple[Object, ...], ...]
    kept: tuple[Step, ...]
    implied: tuple[Object, ...]
    work: Mapping[Ref, Work]

    @property
    def doomed(self) -> list[Object]:
        """All that goes."""
        return [obj for wave in self.waves for obj in wave] + list(self.implied)


@dataclass(frozen=True)
class Protection:
    """Why an object stays; `work` is what people made in it, if it is a namespace."""

    message: str
    reasons: tuple[Reason, ...]
    work: Work = field(default_factory=lambda: Work((), ()))


async def plan_pruning(
    client: Client, inventory: Inventory, orphans: Iterable[Object], options: Options
) -> Pruning:
    """Sorts `orphans` into what goes, in the reverse order of its creation, and what stays. Writes
    nothing."""
    objects = {ref_of(obj): obj for obj in orphans}
    protected = await _protected(
        client, [ref for ref in objects if ref not in inventory.holders], options
    )
    holding = Protection("holds the inventory", (Reason.HOLDS_INVENTORY,))
    protected |= {ref: holding for ref in inventory.holders if ref in objects}
    kept = tuple(
        Step(
            ref,
            Action.KEEP,
            protected[ref].message,
            before=objects[ref],
            reasons=protected[ref].reasons,
        )
        for ref in sorted(protected)
    )
    doomed = {ref: obj for ref, obj in objects.items() if ref not in protected}
    closing = {ref.name for ref in doomed if is_namespace(ref)}
    waves: dict[int, list[Object]] = defaultdict(list)
    # The deletion of a namespace deletes its pods before its policies; to go first by ourselves
    # would open a gap.
    for ref, obj in doomed.items():
        if ref.namespace not in closing:
            waves[wave_of(ref.group_kind, namespaced=bool(ref.namespace))].append(obj)
    return Pruning(
        waves=tuple(tuple(waves[wave]) for wave in sorted(waves, reverse=True)),
        kept=kept,
        implied=tuple(obj for ref, obj in doomed.items() if ref.namespace in closing),
        work={ref: protection.work for ref, protection in protected.items() if is_namespace(ref)},
    )


async def _protected(client: Client, refs: list[Ref], options: Options) -> dict[Ref, Protection]:
    found: dict[Ref, Protection] = {}
    namespaces = [ref for ref in refs if is_namespace(ref)]
    for ref, why in zip(
        namespaces,
        await concurrently(_held(client, ref, refs, options) for ref in namespaces),
        strict=True,
    ):
        if why:
            found[ref] = why
    staying = {ref.name for ref in found}
    for ref in refs:
        if holds_data(ref.group_kind) and (ref.namespace in staying or not options.delete_data):
            found[ref] = (
                Protection("its namespace is kept", (Reason.NAMESPACE_KEPT,))
                if options.delete_data
                else Protection(f"holds data; {CONSENT}", (Reason.HOLDS_DATA,))
            )
        elif guards_namespace(ref.group_kind) and ref.namespace in staying:
            found[ref] = Protection("guards a namespace that is kept", (Reason.NAMESPACE_KEPT,))
    crds = (
        []
        if options.delete_data
        else [ref for ref in refs if ref.group_kind == CUSTOM_RESOURCE_DEFINITION]
    )
    for ref, count in zip(
        crds, await concurrently(_others(client, ref, refs) for ref in crds), strict=True
    ):
        if count:
            message = f"has {count} object{'s' if count > 1 else ''}; {CONSENT}"
            found[ref] = Protection(message, (Reason.HOLDS_DATA,))
    return found


async def _held(
    client: Client, namespace: Ref, ours: list[Ref], options: Options
) -> Protection | None:
    """Why the namespace stays: what is in it that there is no consent to delete."""
    claims = [] if options.delete_data else await _claims(client, namespace.name)
    unnamed = namespace.name not in options.delete_namespaces
    work = await work_in(client, namespace.name, ours) if unnamed else Work((), ())
    told: dict[Reason, str] = {}
    if work:
        told[Reason.HOLDS_PEOPLES_OBJECTS] = f"holds {work}; {NAMED_CONSENT}"
    if claims:
        told[Reason.HOLDS_DATA] = f"holds the volume claims {', '.join(claims)}; {CONSENT}"
    return Protection("; ".join(told.values()), tuple(told), work) if told else None


async def _claims(client: Client, namespace: str) -> list[str]:
    claims = await client.list("v1", "PersistentVolumeClaim", namespace)
    return sorted(claim["metadata"]["name"] for claim in claims)


async def _others(client: Client, crd: Ref, going: list[Ref]) -> int:
    """How many objects of the kind that `crd` defines would be lost beside those that go anyhow."""
    spec = (await client.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", crd.name))[
        "spec"
    ]
    kind = spec["names"]["kind"]
    try:
        resource = await client.preferred_resource(spec["group"], kind)
        found = await client.list(resource.api_version, kind)
    except (UnknownKind, NotFound):  # not served (any more)
        return 0
    return len({ref_of(obj) for obj in found} - set(going))


async def delete_waves(
    client: Client, pruning: Pruning, report: Callable[[Step], None]
) -> list[Object]:
    """Deletes wave after wave, stopping after one with a failure; returns what was asked to go."""
    gone: list[Object] = []
    for wave in pruning.waves:
        steps = await concurrently(delete_object(client, obj, report) for obj in wave)
        gone += [obj for obj, step in zip(wave, steps, strict=True) if step.action is Action.PRUNE]
        if any(step.action is Action.FAIL for step in steps):
            break
    closing = {ref_of(obj).name for obj in gone if is_namespace(ref_of(obj))}
    for obj in pruning.implied:
        if ref_of(obj).namespace in closing:
            gone.append(obj)
            report(Step(ref_of(obj), Action.PRUNE, "with its namespace", before=obj))
    return gone


async def delete_object(client: Client, obj: Object, report: Callable[[Step], None]) -> Step:
    """Deletes `obj`, and only it, not another one of its name; its step."""
    ref, step = ref_of(obj), Step(ref_of(obj), Action.PRUNE, before=obj)
    try:
        await client.delete(
            obj["apiVersion"],
            obj["kind"],
            ref.name,
            ref.namespace or None,
            uid=obj["metadata"].get("uid"),
        )
    except NotFound:
        pass
    except ApiError as error:
        step = Step(
            ref, Action.FAIL, f"cannot be deleted: {error.message}", reasons=(Reason.REJECTED,)
        )
    report(step)
    return step
