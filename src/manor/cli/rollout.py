"""Specs onto a cluster: what is applied as one set, in which order, and what is told meanwhile.

Each Manor object is stored as itself and is the parent of the set of what it becomes; the foundation (the system
namespace and the CRDs) has a ConfigMap as its parent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from manor.api import API_VERSION, Platform, Tenant, Workload
from manor.apply import Inventory, Options, Owned, Plan, Result, apply, plan, revoke
from manor.apply.concurrency import concurrently
from manor.apply.errors import InvalidObjects
from manor.apply.progress import Progress
from manor.cli.cluster import compiled_together
from manor.engines import Compiled, home, made_kinds
from manor.kube import Client, Object, UnknownKind
from manor.load import Specs
from manor.render import SYSTEM_NAMESPACE, labels, render_foundation, spec_object

AT_ONCE = 32
"""Sets applied at the same time: waves make a set wait, and others fill the gap. The client limits the requests."""

FOUNDATION = "foundation"

T = TypeVar("T")


@dataclass(frozen=True)
class ObjectSet:
    """Objects that are applied, pruned and deleted as one: what one spec becomes. `needs` is the title of the set that
    must stand before."""

    title: str
    inventory: Inventory
    parent: Object | None
    objects: list[Object]
    needs: str = ""


def foundation() -> ObjectSet:
    """The set of what stands before any spec."""
    return ObjectSet(FOUNDATION, Inventory("manor", SYSTEM_NAMESPACE), None, render_foundation())


def inventory_of(spec: Platform | Tenant | Workload) -> Inventory:
    """The inventory of what a spec becomes: the Manor object itself is its parent.

    A workload's parent is its team's to write: it is not believed, but owns what it became.
    """
    name = spec.metadata.name
    if isinstance(spec, Platform | Tenant):
        return Inventory(name, "", API_VERSION, spec.kind)
    owned = Owned(made_kinds(spec.kind), tuple(labels.workload_labels(spec.kind, name).items()))
    return Inventory(name, spec.metadata.namespace, API_VERSION, spec.kind, owned)


def stages(specs: Specs, known: Specs, *, delete: bool = False) -> list[list[ObjectSet]]:
    """The sets of `specs` in the order in which they are applied; those of one stage go together.

    `known` is every spec there is, those on the cluster too; it has a Platform. To `delete` them, what they become now
    does not matter: their inventories say what they became.
    """
    ordered: list[list[ObjectSet]] = [[foundation()] if specs.platform else [], [], [], []]
    place = {"Platform": 1, "Tenant": 2}
    for compiled in [Compiled(spec, []) for spec in specs.all] if delete else compiled_together(specs, known):
        spec = compiled.spec
        title = f"{spec.kind} {spec.metadata.name}"
        whole = ObjectSet(title, inventory_of(spec), spec_object(spec), compiled.objects, _needs(spec, known))
        ordered[place.get(spec.kind, 3)].append(whole)
    return [stage for stage in ordered if stage]


def _needs(spec: Platform | Tenant | Workload, known: Specs) -> str:
    match spec:
        case Platform():
            return FOUNDATION
        case Tenant():
            return f"Platform {known.platform.metadata.name}" if known.platform else ""
        case _:
            with suppress(LookupError):  # to be deleted, and its tenant is gone
                return f"Tenant {home(spec, known.tenants).name}"
            return ""


async def apply_set(client: Client, part: ObjectSet, options: Options, progress: Progress) -> Result:
    """Apply one set, its parent first."""
    return await apply(client, part.objects, part.inventory, options, progress, part.parent)


async def revoke_set(client: Client, part: ObjectSet, progress: Progress) -> Result:
    """Only take away the rights that applying the set would take away."""
    return await revoke(client, part.objects, part.inventory, progress)


async def plan_set(client: Client, part: ObjectSet, options: Options) -> Plan:
    """What applying one set would do."""
    return await plan(client, part.objects, part.inventory, options, part.parent)


async def require_kinds(client: Client, parts: Sequence[Sequence[ObjectSet]]) -> None:
    """InvalidObjects if the server lacks a kind that no CRD of these sets brings; asked before anything is changed."""
    objects = [obj for stage in parts for part in stage for obj in part.objects]
    coming = {obj["spec"]["names"]["kind"] for obj in objects if obj["kind"] == "CustomResourceDefinition"}
    problems = []
    for api_version, kind in sorted({(obj["apiVersion"], obj["kind"]) for obj in objects}):
        if kind not in coming:
            try:
                await client.resource(api_version, kind)
            except UnknownKind as error:
                problems.append(f"{error} Nothing was changed.")
    if problems:
        raise InvalidObjects(problems)


async def each_set(parts: Sequence[ObjectSet], run: Callable[[ObjectSet], Awaitable[T]]) -> list[T]:
    """`run` for every set of a stage, some at a time; at the first error the others are cancelled."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(part: ObjectSet) -> T:
        async with gate:
            return await run(part)

    return await concurrently(one(part) for part in parts)
