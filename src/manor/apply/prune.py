"""What goes and what stays when members are no longer wanted. Data goes only on explicit consent."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from manor.apply.concurrency import concurrently
from manor.apply.inventory import Inventory
from manor.apply.objects import Ref, ref_of
from manor.apply.steps import Action, Step
from manor.apply.waves import wave_of
from manor.kube import ApiError, Client, NotFound, Object, UnknownKind

CONSENT = "to delete it, delete data explicitly"
_SHIELDS = frozenset(
    {"ConfigMap", "NetworkPolicy", "CiliumNetworkPolicy", "ResourceQuota", "LimitRange", "ServiceAccount"}
)
"""What protects others from a namespace, the parameters of admission policies too. It stays as long as the namespace
stays: pods may still run in it, and somebody may still have a right in it."""


@dataclass(frozen=True)
class Pruning:
    """`waves` are to be deleted one after another; `kept` stay, and say why; `implied` go with their namespace."""

    waves: tuple[tuple[Object, ...], ...]
    kept: tuple[Step, ...]
    implied: tuple[Object, ...]

    @property
    def doomed(self) -> list[Object]:
        """All that goes."""
        return [obj for wave in self.waves for obj in wave] + list(self.implied)


async def plan_pruning(
    client: Client, inventory: Inventory, orphans: Iterable[Object], *, delete_data: bool
) -> Pruning:
    """Sorts `orphans` into what goes, in the reverse order of its creation, and what stays. Writes nothing."""
    objects = {ref_of(obj): obj for obj in orphans}
    reasons = {} if delete_data else await _reasons_to_keep(client, list(objects))
    reasons |= {ref: "holds the inventory" for ref in inventory.holders if ref in objects}
    kept = tuple(Step(ref, Action.KEEP, why, before=objects[ref]) for ref, why in sorted(reasons.items()))
    doomed = {ref: obj for ref, obj in objects.items() if ref not in reasons}
    closing = {ref.name for ref in doomed if _is_namespace(ref)}
    waves: dict[int, list[Object]] = defaultdict(list)
    # The deletion of a namespace deletes its pods before its policies; to go first by ourselves would open a gap.
    for ref, obj in doomed.items():
        if ref.namespace not in closing:
            waves[wave_of(ref.group, ref.kind, bool(ref.namespace))].append(obj)
    return Pruning(
        waves=tuple(tuple(waves[wave]) for wave in sorted(waves, reverse=True)),
        kept=kept,
        implied=tuple(obj for ref, obj in doomed.items() if ref.namespace in closing),
    )


async def _reasons_to_keep(client: Client, refs: list[Ref]) -> dict[Ref, str]:
    reasons = {ref: f"holds data; {CONSENT}" for ref in refs if ref.kind == "PersistentVolumeClaim"}
    namespaces = [ref for ref in refs if _is_namespace(ref)]
    for ref, claims in zip(
        namespaces, await concurrently(_claims(client, ref.name) for ref in namespaces), strict=True
    ):
        if claims:
            reasons[ref] = f"holds the volume claims {', '.join(claims)}; {CONSENT}"
    crds = [ref for ref in refs if ref.kind == "CustomResourceDefinition"]
    for ref, count in zip(crds, await concurrently(_others(client, ref, refs) for ref in crds), strict=True):
        if count:
            reasons[ref] = f"has {count} object{'s' if count > 1 else ''}; {CONSENT}"
    staying = {ref.name for ref in reasons if _is_namespace(ref)}
    for ref in refs:
        if ref.kind in _SHIELDS and ref.namespace in staying:
            reasons[ref] = "guards a namespace that is kept"
    return reasons


async def _claims(client: Client, namespace: str) -> list[str]:
    claims = await client.list("v1", "PersistentVolumeClaim", namespace)
    return sorted(claim["metadata"]["name"] for claim in claims)


async def _others(client: Client, crd: Ref, going: list[Ref]) -> int:
    """How many objects of the kind that `crd` defines would be lost beside those that go anyhow."""
    spec = (await client.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", crd.name))["spec"]
    kind = spec["names"]["kind"]
    try:
        resource = await client.preferred_resource(spec["group"], kind)
        found = await client.list(resource.api_version, kind)
    except (UnknownKind, NotFound):  # not served (any more)
        return 0
    return len({ref_of(obj) for obj in found} - set(going))


def _is_namespace(ref: Ref) -> bool:
    return (ref.group, ref.kind) == ("", "Namespace")


async def delete_waves(client: Client, pruning: Pruning, report: Callable[[Step], None]) -> list[Object]:
    """Deletes wave after wave, stopping after one with a failure; returns what was asked to go."""
    gone: list[Object] = []
    for wave in pruning.waves:
        steps = await concurrently(_delete(client, obj, report) for obj in wave)
        gone += [obj for obj, step in zip(wave, steps, strict=True) if step.action is Action.PRUNE]
        if any(step.action is Action.FAIL for step in steps):
            break
    closing = {ref_of(obj).name for obj in gone if _is_namespace(ref_of(obj))}
    for obj in pruning.implied:
        if ref_of(obj).namespace in closing:
            gone.append(obj)
            report(Step(ref_of(obj), Action.PRUNE, "with its namespace", before=obj))
    return gone


async def _delete(client: Client, obj: Object, report: Callable[[Step], None]) -> Step:
    ref, step = ref_of(obj), Step(ref_of(obj), Action.PRUNE, before=obj)
    try:
        await client.delete(
            obj["apiVersion"], obj["kind"], ref.name, ref.namespace or None, uid=obj["metadata"].get("uid")
        )
    except NotFound:
        pass
    except ApiError as error:
        step = Step(ref, Action.FAIL, f"cannot be deleted: {error.message}")
    report(step)
    return step
