"""What is applied as one set, and in which order.

Each Manor object is stored as itself and is the parent of the set of what it becomes; the
foundation (the system namespace and the CRDs) has a ConfigMap as its parent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from manor.api import API_VERSION, AnyKind, Model, Platform, Tenant, Tool, Workspace, kinds
from manor.api.wellknown import SYSTEM_NAMESPACE
from manor.apply import Inventory, Owned, Ref
from manor.apply.concurrency import concurrently
from manor.engines import Compiled, Requirement, engine_for, homes, made_kinds, requirements
from manor.kube import Object
from manor.limits import limits
from manor.objectset.kinds import JOB, NAMESPACE, group_of
from manor.render import labels, render_foundation, spec_object
from manor.rollout.desired import Desired, compiled
from manor.tools import NO_TOOLS, Toolset

T = TypeVar("T")
Spec = AnyKind


@dataclass(frozen=True)
class ObjectSet:
    """Objects that are applied, pruned and deleted as one: what one spec becomes.

    `needs` is the set that must stand before, `requires` what must be installed for this one.
    """

    title: str
    inventory: Inventory
    parent: Object | None
    objects: list[Object]
    needs: Ref | None = None
    requires: tuple[Requirement, ...] = ()
    operated: str = ""
    """The field of the spec that takes an operator; empty where none does."""
    canary: Object | None = None
    """What answers a share of a Model's requests in its place."""

    @property
    def ref(self) -> Ref:
        """The set's name: that of its parent."""
        return self.inventory.ref

    @property
    def tenant(self) -> str:
        """The tenant whose set it is; none, of the foundation and the Platform."""
        return next(
            (ref.name for ref in (self.ref, self.needs) if ref and ref.kind == kinds.TENANT.kind),
            "",
        )


Stages = Sequence[Sequence[ObjectSet]]
"""Sets in their order; those of one stage go together."""


def foundation() -> ObjectSet:
    """The set of what stands before any spec."""
    return ObjectSet("foundation", _foundation_inventory(), None, render_foundation())


def _foundation_inventory() -> Inventory:
    return Inventory("manor", SYSTEM_NAMESPACE)


def inventory_of(spec: Spec, tools: Toolset = NO_TOOLS) -> Inventory:
    """The inventory of what a spec becomes: the Manor object itself is its parent.

    A workload's parent is its team's to write: it is not believed, but owns what it became, by
    whichever engine its team's `tools` allow.
    """
    name = spec.metadata.name
    if isinstance(spec, Platform | Tool | Tenant):
        made = spec.made_namespaces if isinstance(spec, Tenant) else ()
        adopts = frozenset(Ref(*NAMESPACE, "", space) for space in made)
        return Inventory(name, "", API_VERSION, spec.kind, adopts=adopts)
    marks = tuple(labels.workload_labels(spec.kind, name).items())
    # What is at work in a notebook does not end since its spec, or the Platform, is another now.
    once = frozenset({JOB} if isinstance(spec, Workspace) else ())
    owned = Owned(made_kinds(spec.kind, tools), marks, once)
    return Inventory(name, spec.metadata.namespace, API_VERSION, spec.kind, owned)


def apply_stages(desired: Desired) -> Stages:
    """The sets of the desired specs in the order in which they are applied. InvalidInput says what
    cannot be."""
    return _stages(desired, compiled(desired.specs, desired.known))


def delete_stages(desired: Desired) -> Stages:
    """The sets in the order in which they are deleted. What the specs would become now does not
    matter: their inventories say what they became."""
    return _stages(desired, [Compiled(spec, []) for spec in desired.specs.all])[::-1]


def _stages(desired: Desired, parts: Sequence[Compiled]) -> list[list[ObjectSet]]:
    ordered: list[list[ObjectSet]] = [
        [foundation()] if desired.specs.platform else [],
        [],
        [],
        [],
        [],
    ]
    place = {"Tool": 1, "Platform": 2, "Tenant": 3}
    tenants, tools = homes(desired.known.tenants), desired.known.toolset
    for part in parts:
        # None, of what lives in no namespace, and of a workload whose tenant is gone.
        tenant = tenants.get(getattr(part.spec.metadata, "namespace", ""))
        used = tools.of(tenant) if tenant else tools
        ordered[place.get(part.spec.kind, 4)].append(_set(part, desired, tenant, used))
    return [stage for stage in ordered if stage]


def _set(part: Compiled, desired: Desired, tenant: Tenant | None, tools: Toolset) -> ObjectSet:
    """The set of a spec; of a workload `tenant` is its tenant, and `tools` are those that it may
    have been run by."""
    spec = part.spec
    objects = [
        o for o in part.objects if (group_of(o["apiVersion"]), o["kind"]) not in desired.not_served
    ]
    return ObjectSet(
        title=f"{spec.kind} {spec.metadata.name}",
        inventory=inventory_of(spec, tools),
        parent=spec_object(spec),
        objects=objects,
        needs=_needs(spec, desired, tenant),
        requires=_requires(spec, desired) if part.objects else (),
        operated=_operated(spec),
        canary=_canary(spec, objects, desired),
    )


def _needs(spec: Spec, desired: Desired, tenant: Tenant | None) -> Ref | None:
    match spec:
        case Platform() | Tool():
            return _foundation_inventory().ref
        case Tenant():
            return inventory_of(desired.known.platform).ref if desired.known.platform else None
        case _:
            return inventory_of(tenant).ref if tenant else None


def _operated(spec: Spec) -> str:
    fields = spec.by_requests if isinstance(spec, Model) else ()
    return ".".join(["spec", *map(str, fields[0])]) if fields else ""


def _canary(spec: Spec, objects: Sequence[Object], desired: Desired) -> Object | None:
    """Of the objects that serve a model the last, which is its canary's too where there is one for
    all versions."""
    platform, canary = desired.known.platform, spec.spec.canary if isinstance(spec, Model) else None
    if platform is None or canary is None or not canary.answers:
        return None
    kind = engine_for(spec.kind, platform.spec.engines).primary(spec).kind
    return next((obj for obj in reversed(objects) if obj["kind"] == kind), None)


def _requires(spec: Spec, desired: Desired) -> tuple[Requirement, ...]:
    """A workload needs its engine and its queue. A Platform may name what is installed after it."""
    match spec:
        case Platform() | Tool() | Tenant():
            return ()
        case _:
            platform = desired.known.platform
            return (
                tuple(r for r in requirements(platform) if r.workloads == spec.kind)
                if platform
                else ()
            )


async def each_set(parts: Sequence[ObjectSet], run: Callable[[ObjectSet], Awaitable[T]]) -> list[T]:
    """`run` for every set of a stage, some at a time; at the first error the others are
    cancelled."""
    gate = asyncio.Semaphore(limits().rollout.sets)

    async def one(part: ObjectSet) -> T:
        async with gate:
            return await run(part)

    return await concurrently(one(part) for part in parts)
