"""All of one tenant: who, what, how much is used of how much, how its workloads stand, what is
wrong.

Read for that tenant alone, with the caller's rights: what they may not see is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from manor.api import API_VERSION, Platform, Tenant, Workload, kinds
from manor.api.platform import Engines
from manor.api.status import ConditionType, Status
from manor.api.subjects import ROLES
from manor.api.wellknown import MANAGED, TENANT_LABEL
from manor.apply.concurrency import concurrently
from manor.engines import Phase
from manor.errors import ManorError
from manor.kube import Client, Forbidden, NotFound, Object, UnknownKind
from manor.render import url
from manor.rollout.standing import Standing, standing
from manor.state import State


@dataclass
class Space:
    """A namespace of the tenant: its quota, and its workloads with how they stand."""

    name: str
    phase: str = "Active"
    quotas: list[Object] = field(default_factory=list)
    workloads: list[tuple[Workload, Standing]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    @property
    def budget(self) -> dict[str, dict[str, str]]:
        """Each resource of the quota, used and hard."""
        return {
            resource: {
                "used": ((quota.get("status") or {}).get("used") or {}).get(resource, "0"),
                "hard": hard,
            }
            for quota in self.quotas
            for resource, hard in quota["spec"].get("hard", {}).items()
        }

    @property
    def wrong(self) -> list[str]:
        """What is not as it should be in it."""
        lines = [] if self.phase == "Active" else [f"namespace {self.name} is {self.phase}"]
        for workload, stands in self.workloads:
            found, what = stands.diagnosis, f"{workload.kind} {self.name}/{workload.metadata.name}"
            if stands.phase is Phase.NOT_APPLIED:
                lines.append(f"{what}: it is stored, and nothing was made of it")
            elif found and found.obstructed:
                lines.append(f"{what}: {found.message}; {found.advice}")
        return lines + self.broken


@dataclass
class Description:
    """One tenant, as it is told."""

    tenant: Tenant
    status: Status
    platform: Platform | None
    spaces: list[Space]
    unseen: list[str]

    def written(self) -> dict[str, Any]:
        """As a program reads it."""
        tenant, platform = self.tenant, self.platform
        hosts = tenant.hosts(platform.spec.domain) if platform else ()
        return {
            "name": tenant.name,
            "people": {role: [person.name for person in tenant.subjects(role)] for role in ROLES},
            "tools": list(tenant.spec.tools or (platform.spec.tools if platform else ())),
            "urls": [url(platform, host) for host in hosts] if platform else [],
            "namespaces": [_written(space) for space in self.spaces],
            "conditions": [
                one.model_dump(mode="json", by_alias=True, exclude_none=True)
                for one in self.status.conditions
            ],
            "wrong": self.wrong,
            "unseen": [*self.unseen, *(line for space in self.spaces for line in space.unseen)],
        }

    @property
    def wrong(self) -> list[str]:
        """What is not as it should be, a line each."""
        ready = self.status.condition(ConditionType.READY)
        told = [f"{ready.reason}: {ready.message}"] if ready and ready.status != "True" else []
        return told + [line for space in self.spaces for line in space.wrong]


async def describe(client: Client, name: str) -> Description:
    """The tenant of this name. NotFound where there is none, Forbidden for who may not read it."""
    state, unseen = State(), list[str]()
    state.read(await client.get(API_VERSION, kinds.TENANT.kind, name))
    if state.broken:
        raise ManorError(str(state.broken[0]))
    try:
        state.read(await client.get(API_VERSION, kinds.PLATFORM.kind, "manor"))
    except (Forbidden, NotFound) as error:
        unseen.append(str(error))
    tenant = state.tenants[name]
    places = await _places(client, tenant, unseen)
    engines = state.platform.spec.engines if state.platform else Engines()
    spaces = await concurrently(_space(client, place, phase, engines) for place, phase in places)
    status = state.status_of(tenant) or Status()
    return Description(tenant, status, state.platform, list(spaces), unseen)


async def _places(client: Client, tenant: Tenant, unseen: list[str]) -> Sequence[tuple[str, str]]:
    """Its namespaces with their phases: those of its spec, then those that its owners made."""
    own = [space.name for space in tenant.namespaces]
    try:
        live = await client.list("v1", "Namespace", labels={TENANT_LABEL: tenant.name})
    except Forbidden:
        unseen.append("namespaces that its owners made: you may not list namespaces")
        return [(name, "Active") for name in own]
    phases = {
        one["metadata"]["name"]: str((one.get("status") or {}).get("phase", "Active"))
        for one in live
    }
    made = [name for name in sorted(phases) if name not in own]
    return [(name, phases.get(name, "missing")) for name in [*own, *made]]


async def _space(client: Client, name: str, phase: str, engines: Engines) -> Space:
    space, state = Space(name, phase), State()
    try:
        space.quotas = await client.list("v1", "ResourceQuota", name, labels=MANAGED)
        for info in kinds.WORKLOADS:
            for obj in await client.list(API_VERSION, info.kind, name):
                state.read(obj)
        stand = await concurrently(standing(client, one, engines) for one in state.workloads)
        space.workloads = list(zip(state.workloads, stand, strict=True))
    except (Forbidden, UnknownKind) as error:
        space.unseen.append(str(error))
    space.broken = [str(broken) for broken in state.broken]
    return space


def _written(space: Space) -> dict[str, Any]:
    return {
        "name": space.name,
        "phase": space.phase,
        "quota": space.budget,
        "workloads": [
            {
                "kind": workload.kind,
                "name": workload.metadata.name,
                "phase": stands.phase.value,
                "message": stands.reason,
                "advice": stands.diagnosis.advice if stands.diagnosis else "",
            }
            for workload, stands in space.workloads
        ],
    }
