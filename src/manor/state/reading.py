"""Reads Manor's objects, as far as the user may."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from manor.api import AnyKind, Model, Platform, kinds
from manor.api.status import STATUSES, Status
from manor.api.wellknown import API_VERSION, GROUP, TENANT_LABEL
from manor.api.workload import ModelKey
from manor.kube import Client, Forbidden, NotFound, Object, UnknownKind
from manor.load import Document, InvalidInput, Specs, made_for, validated
from manor.objectset.applyset import FIELD_MANAGER
from manor.tools import Toolset


@dataclass(frozen=True)
class Broken:
    """An object that cannot be read, and why."""

    kind: str
    name: str
    namespace: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place} on the cluster is set aside: {self.reason}"


@dataclass
class State(Specs):
    """What stands on the cluster; tenants in the order of their age, for the first to claim a name
    has it."""

    broken: list[Broken] = field(default_factory=list)
    statuses: dict[tuple[str, str, str], Status] = field(default_factory=dict)
    """What whoever acts on them says of the objects (kind, namespace, name) as they are now."""

    def read(self, obj: Object) -> None:
        """Adds a live object, or sets it aside."""
        meta = obj["metadata"]
        try:
            spec = validated(Document(obj, "", {(): 0}))
        except InvalidInput as error:
            reason = "; ".join(problem.said for problem in error.problems[:3])
            self.broken.append(Broken(obj["kind"], meta["name"], meta.get("namespace", ""), reason))
            return
        self.take(spec)
        if isinstance(spec, Model):
            self.keys[meta["namespace"], meta["name"]] = _given_out(obj, spec)
        if status := _current_status(obj):
            self.statuses[obj["kind"], meta.get("namespace", ""), meta["name"]] = status

    def status_of(self, spec: AnyKind) -> Status | None:
        """What is said of the object; None where nobody has acted on it as it is now."""
        meta = spec.metadata
        return self.statuses.get((spec.kind, getattr(meta, "namespace", ""), meta.name))


async def read_state(
    client: Client,
    namespaces: Iterable[str] = (),
    names: Iterable[str] = (),
    *,
    workloads: bool = True,
) -> State:
    """The Platform, the Tools and the Tenants; with `workloads` also those, and the volumes, of
    `namespaces` and of their tenants.

    For a user who may not list tenants: those of `namespaces`, those in `names`, and those that the
    user is told of.
    """
    state, wanted = State(), sorted(set(namespaces))
    try:
        platform, tenants, spaces = await asyncio.gather(
            read_platform(client),
            _tenants(client, wanted, names),
            _listed(client, "v1", "Namespace"),
        )
    except UnknownKind:  # nothing of Manor's is there yet
        return state
    for obj in sorted([*platform, *tenants], key=age):
        state.read(obj)
    with suppress(UnknownKind):  # an older Manor's kinds
        for obj in await _tools(client, state.platform):
            state.read(obj)
    for namespace in spaces or []:
        meta = namespace["metadata"]
        state.namespaces[meta["name"]] = meta.get("labels", {}).get(TENANT_LABEL, "")
        if owner := made_for(namespace):
            state.made[owner].add(meta["name"])
    for name in state.made.keys() & state.tenants.keys():
        state.tenants[name] = state.tenants[name].with_made(state.made[name])
    if workloads:
        await _workloads(client, state, wanted)
    return state


async def missing_tools(client: Client, tools: Toolset) -> dict[str, list[tuple[str, str]]]:
    """The Tools that are not installed, each with the kinds (group and kind) that the
    server lacks."""
    kinds = {
        tool.name: [(kind.group, kind.kind) for kind in tool.spec.kinds] for tool in tools.tools
    }
    unserved = set(await client.unserved(kind for each in kinds.values() for kind in each))
    missing = {name: [kind for kind in each if kind in unserved] for name, each in kinds.items()}
    return {name: lacking for name, lacking in missing.items() if lacking}


async def _workloads(client: Client, state: State, wanted: list[str]) -> None:
    homes = [[space.name for space in tenant.namespaces] for tenant in state.tenants.values()]
    for namespace in sorted(
        {*wanted, *(name for home in homes if set(home) & set(wanted) for name in home)}
    ):
        for info in kinds.WORKLOADS:
            for obj in await _listed(client, API_VERSION, info.kind, namespace) or []:
                state.read(obj)
        if namespace in wanted:
            claims = await _listed(client, "v1", "PersistentVolumeClaim", namespace)
            if claims is not None:
                state.claims[namespace] = [claim["metadata"]["name"] for claim in claims]


def _given_out(obj: Object, model: Model) -> list[ModelKey]:
    """The keys that no file holds which is applied as whole (`manor apply`)."""
    filed = {
        json.loads(item.removeprefix("k:"))["name"]
        for entry in obj["metadata"].get("managedFields") or ()
        if (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Apply")
        for item in _filed(entry)
    }
    return [key for key in model.spec.access.keys if key.name not in filed]


def _filed(entry: Object) -> Iterable[str]:
    """The items of `spec.access.keys` in an entry of `managedFields`."""
    fields = entry.get("fieldsV1") or {}
    for name in ("f:spec", "f:access", "f:keys"):
        fields = fields.get(name) or {}
    return [item for item in fields if item.startswith("k:")]


def _current_status(obj: Object) -> Status | None:
    written = obj.get("status") or {}
    if written.get("observedGeneration") != obj["metadata"].get("generation", 0):
        return None
    try:
        return STATUSES[obj["kind"]].model_validate(written)
    except ValidationError:  # another version's, which says something that we do not know
        return None


def age(obj: Object) -> tuple[str, str]:
    """By which the oldest comes first."""
    return obj["metadata"].get("creationTimestamp", ""), obj["metadata"]["name"]


async def read_platform(client: Client) -> list[Object]:
    """The Platform; nothing where there is none."""
    try:
        return [await client.get(API_VERSION, kinds.PLATFORM.kind, "manor")]
    except NotFound:
        return []


async def _tools(client: Client, platform: Platform | None) -> list[Object]:
    """All Tools; for a user who may not list them, those that the Platform names."""
    try:
        return await client.list(API_VERSION, kinds.TOOL.kind)
    except Forbidden:
        tools = []
    for name in platform.spec.tools if platform else ():
        with suppress(Forbidden, NotFound):  # not of the user's tenant; one that comes with Manor
            tools.append(await client.get(API_VERSION, kinds.TOOL.kind, name))
    return tools


async def _tenants(client: Client, namespaces: Iterable[str], names: Iterable[str]) -> list[Object]:
    try:
        return await client.list(API_VERSION, kinds.TENANT.kind)
    except Forbidden:
        wanted = {*names} or await _own_tenants(client)
    for namespace in namespaces:
        try:
            found = await client.get("v1", "Namespace", namespace)
            wanted.add(found["metadata"].get("labels", {}).get(TENANT_LABEL, ""))
        except (Forbidden, NotFound):
            continue
    tenants = []
    for name in sorted(wanted - {""}):
        try:
            tenants.append(await client.get(API_VERSION, kinds.TENANT.kind, name))
        except NotFound:
            continue
    return tenants


async def _own_tenants(client: Client) -> set[str]:
    """The tenants that the user may read, as the server tells of its rights."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "metadata": {},
        "spec": {"namespace": "default"},
    }
    rules = (await client.create(review)).get("status", {}).get("resourceRules", [])
    return {
        name for rule in rules if _reads_tenants(rule) for name in rule.get("resourceNames", [])
    }


def _reads_tenants(rule: dict[str, Any]) -> bool:
    return (
        GROUP in rule.get("apiGroups", [])
        and kinds.TENANT.plural in rule.get("resources", [])
        and "get" in rule["verbs"]
    )


async def _listed(
    client: Client, api_version: str, kind: str, namespace: str | None = None
) -> list[Object] | None:
    """The objects; None where the user may not see them."""
    try:
        return await client.list(api_version, kind, namespace)
    except (Forbidden, NotFound):
        return None
