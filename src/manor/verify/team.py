"""Who the tenants are: read from the cluster's Tenant objects, or given by hand where Manor is not
there."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from manor.api import Platform, Subject, Tenant, Tool
from manor.api.subjects import ROLES
from manor.api.wellknown import (
    GATEWAY_API,
    RBAC_GROUP,
    SERVICE_ACCOUNT_PREFIX,
    STAND_IN_ACCOUNT,
    TENANT_LABEL,
    service_account_user,
)
from manor.kube import Client, Labels, UnknownKind
from manor.state import missing_tools, read_state
from manor.tools import NO_TOOLS, Toolset
from manor.verify.errors import TenancyError

SOMEBODY = "manor-verify:"
"""Before the name of a group: somebody in it."""
DECOY = "manor-verify-decoy"
"""The tenant that stands in as a victim where there is only one."""


@dataclass(frozen=True)
class Actor:
    """An identity of a tenant, to act as."""

    role: str
    user: str
    groups: tuple[str, ...] = ()
    """Every group but system:authenticated."""
    authenticated: bool = True
    """Whether the server knows who it is; adds the group system:authenticated."""

    @property
    def all_groups(self) -> tuple[str, ...]:
        """Its groups as the authorizer sees them."""
        return (*self.groups, "system:authenticated") if self.authenticated else self.groups

    def is_in(self, member: "Actor") -> bool:
        """Whether a tenant with that member counts this one among its own."""
        same = {name for name in self.groups if not name.startswith("system:")}
        return self.user == member.user or bool(same & set(member.groups))

    @property
    def subject(self) -> dict[str, str]:
        """The subject by which a binding names it."""
        if self.user.startswith(SERVICE_ACCOUNT_PREFIX):
            _, _, namespace, name = self.user.split(":")
            return {"kind": "ServiceAccount", "namespace": namespace, "name": name}
        by_group = self.user.startswith(SOMEBODY)
        kind, name = ("Group", self.groups[0]) if by_group else ("User", self.user)
        return {"apiGroup": RBAC_GROUP, "kind": kind, "name": name}

    def client(self, client: Client) -> Client:
        """`client`, acting as this identity. The server knows itself which groups a service account
        is in."""
        account = self.user.startswith(SERVICE_ACCOUNT_PREFIX)
        return client.impersonate(self.user, () if account else self.all_groups)

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


@dataclass(frozen=True)
class Team:
    """A tenant as the attacks need it."""

    name: str
    namespaces: tuple[str, ...]
    actors: tuple[Actor, ...]
    """One for each role that somebody has, the mightiest first."""
    hosts: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    storage_classes: tuple[str, ...] = ()
    gateway: tuple[str, str] | None = None
    """Namespace and name of its Gateway."""
    tenant: Tenant | None = None
    """What the cluster says of it; None for a tenant given by hand."""
    members: tuple[Actor, ...] = ()
    """Everyone in it, as its Tenant says."""
    stand_in: Actor | None = None
    """Who sends requests in its people's place, in a run that nobody attends."""

    @property
    def namespace(self) -> str:
        """Its first namespace."""
        return self.namespaces[0]

    @property
    def actor(self) -> Actor:
        """Its mightiest member: whom questions to the authorizer are about."""
        return self.actors[0]

    @property
    def asker(self) -> Actor:
        """As whom requests are sent: its mightiest member, or its stand-in."""
        return self.stand_in or self.actor


@dataclass(frozen=True)
class Tenancy:
    """All tenants of a cluster, and its Platform where Manor is there."""

    teams: tuple[Team, ...]
    platform: Platform | None = None
    tools: Toolset = NO_TOOLS
    """The Tools that are turned on."""
    not_installed: frozenset[str] = frozenset()
    """Those of them whose kinds the server lacks."""
    set_aside: tuple[str, ...] = ()
    """What of Manor's the cluster holds and cannot be read, each with the reason; nobody attacks as
    it."""

    @property
    def installed(self) -> list[Tool]:
        """The Tools that are turned on, and installed."""
        return [tool for tool in self.tools.tools if tool.name not in self.not_installed]

    def place(self, team: Team) -> int:
        """Where the team stands in the list."""
        return self._places[team.name]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {team.name: number for number, team in enumerate(self.teams)}


def account(namespace: str, name: str) -> Actor:
    """A service account, as an identity."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return Actor("service account", service_account_user(namespace, name), groups)


def _actor(subject: Subject, role: str, prefix: str) -> Actor:
    if subject.kind == "User":
        return Actor(role, subject.name)
    if subject.kind == "Group":
        return Actor(role, f"{SOMEBODY}{subject.name}", (subject.known_as(prefix),))
    return replace(account(subject.namespace or "", subject.name), role=role)


def _actors(tenant: Tenant, prefix: str) -> tuple[Actor, ...]:
    """One identity for each role: a user before a group before a service account."""
    kinds = ("User", "Group", "ServiceAccount")
    firsts = [
        (role, sorted(tenant.subjects(role), key=lambda s: kinds.index(s.kind))[:1])
        for role in ROLES
    ]
    return tuple(_actor(subject, role, prefix) for role, found in firsts for subject in found)


async def _list(
    client: Client, api_version: str, kind: str, labels: Labels | None = None
) -> list[dict[str, Any]]:
    try:
        return await client.list(api_version, kind, labels=labels)
    except UnknownKind:
        return []


def _own(objects: Iterable[dict[str, Any]], tenant: str) -> list[dict[str, Any]]:
    return [obj for obj in objects if obj["metadata"].get("labels", {}).get(TENANT_LABEL) == tenant]


async def read_tenancy(client: Client) -> Tenancy:
    """The tenants as the cluster has them. Raises TenancyError where there are none, KubeError."""
    state, gateways, labelled = await asyncio.gather(
        read_state(client),
        _list(client, GATEWAY_API, "Gateway", {TENANT_LABEL: None}),
        _list(client, "v1", "Namespace", {TENANT_LABEL: None}),
    )
    # What is being deleted loses its guards while it goes; nobody makes anything in it any more.
    ending = {ns["metadata"]["name"] for ns in labelled if "deletionTimestamp" in ns["metadata"]}
    platform = state.platform
    teams = []
    for tenant in sorted(state.tenants.values(), key=lambda t: t.name):
        found = {name for name, owner in state.namespaces.items() if owner == tenant.name} - ending
        gateway = next(
            (
                (g["metadata"]["namespace"], g["metadata"]["name"])
                for g in _own(gateways, tenant.name)
            ),
            None,
        )
        if team := team_of(tenant, platform, found, gateway):
            teams.append(team)
    if not teams and state.broken:
        raise TenancyError("; ".join(map(str, state.broken)))
    if not teams:
        raise TenancyError(
            "this cluster has no tenants: apply a Tenant, or name them with "
            "--tenant name=team-a,namespace=ns-a,user=alice"
        )
    missing = await missing_tools(client, state.toolset)
    aside = [
        *map(str, state.broken),
        *(f"Tool {name} is turned on and not installed" for name in missing),
    ]
    return Tenancy(tuple(teams), platform, state.toolset, frozenset(missing), tuple(aside))


def team_of(
    tenant: Tenant,
    platform: Platform | None,
    found: Collection[str],
    gateway: tuple[str, str] | None = None,
) -> Team | None:
    """The tenant as the attacks need it, in its namespaces that were `found`; None where it has
    none, or nobody."""
    declared = [space.name for space in tenant.namespaces if space.name in found]
    spaces = declared + sorted(set(found) - set(declared))
    prefix = platform.spec.identity.group_prefix if platform else ""
    actors = _actors(tenant, prefix)
    if not spaces or not actors:
        return None
    default = platform.spec if platform else None
    allowed = [
        own if own is not None else (getattr(default, field) if default else [])
        for field, own in (
            ("registries", tenant.spec.registries),
            ("storage_classes", tenant.spec.storage_classes),
        )
    ]
    hosts = tuple(tenant.hosts(platform.spec.domain)) if platform else tuple(tenant.spec.hosts)
    registries, classes = map(tuple, allowed)
    members = tuple(
        _actor(subject, role, prefix) for role in ROLES for subject in tenant.subjects(role)
    )
    return Team(
        *(tenant.name, tuple(spaces), actors, hosts, registries, classes, gateway, tenant),
        members=members,
    )


def parse_team(text: str) -> Team:
    """A tenant from `name=team-a,namespace=ns-a,user=alice[,group=devs][,host=a.example.com]`.
    Raises TenancyError."""
    fields: dict[str, list[str]] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not value or key not in ("name", "namespace", "user", "group", "host"):
            raise TenancyError(
                f"--tenant {text}: {part!r} is not one of name=, namespace=, user=, group=, host="
            )
        fields.setdefault(key, []).append(value)
    if missing := [key for key in ("name", "namespace", "user") if key not in fields]:
        raise TenancyError(f"--tenant {text}: {missing[0]}=… is missing")
    actor = Actor("member", fields["user"][0], tuple(fields.get("group", ())))
    return Team(
        fields["name"][0], tuple(fields["namespace"]), (actor,), tuple(fields.get("host", ()))
    )


def with_stand_ins(tenancy: Tenancy) -> Tenancy:
    """The same tenancy, in which each tenant's stand-in sends its requests. Raises TenancyError
    where a tenant was given by hand, who has none."""
    teams = []
    for team in tenancy.teams:
        if team.tenant is None:
            raise TenancyError(f"--stand-ins: {team.name} is no Tenant, and has no stand-in")
        stand_in = account(team.tenant.namespaces[0].name, STAND_IN_ACCOUNT)
        teams.append(replace(team, stand_in=replace(stand_in, role="stand-in")))
    return replace(tenancy, teams=tuple(teams))


def with_decoy(tenancy: Tenancy) -> Tenancy:
    """The same tenancy with a decoy as second tenant, where there is only one."""
    if len(tenancy.teams) > 1:
        return tenancy
    return replace(tenancy, teams=(*tenancy.teams, _decoy(tenancy)))


def _decoy(tenancy: Tenancy) -> Team:
    domain = tenancy.platform.spec.domain if tenancy.platform else "decoy.invalid"
    return Team(DECOY, (DECOY,), (Actor("owner", DECOY),), (f"{DECOY}.{domain}",))


def apart(tenancy: Tenancy, attacker: Team, victim: Team) -> tuple[Team, Team]:
    """The same pair without who is in both, by their Tenants; the decoy is the victim where every
    owner is."""
    shared = {actor for actor in attacker.members if any(map(actor.is_in, victim.members))}
    if not shared:
        return attacker, victim
    others = [actor for actor in attacker.members if actor not in shared]
    firsts = {actor.role: actor for actor in reversed(others)}
    if attacker.actor.role not in firsts:
        return attacker, _decoy(tenancy)
    actors = tuple(firsts[actor.role] for actor in attacker.actors if actor.role in firsts)
    return replace(attacker, actors=actors, members=tuple(others)), victim


def ring(teams: Sequence[Team]) -> list[tuple[Team, Team]]:
    """Each team attacks its successor: every team is attacker once and victim once. The decoy does
    not attack."""
    pairs = zip(teams, [*teams[1:], teams[0]], strict=True)
    return [(attacker, victim) for attacker, victim in pairs if attacker.name != DECOY]


def hub(teams: Sequence[Team]) -> list[tuple[Team, Team]]:
    """Every team attacks the first one, and the first one the last; pairs of the ring
    are left out."""
    known = ring(teams)
    pairs = [(attacker, teams[0]) for attacker in teams[1:] if attacker.name != DECOY]
    return [pair for pair in pairs if pair not in known]
