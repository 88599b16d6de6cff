"""The checks of `manor verify` that look at objects alone, run on what the cache holds: no request,
nobody's identity, no Secret."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NoReturn

from manor.api.wellknown import TENANT_LABEL
from manor.kube import Cache, Client, Object
from manor.operator.known import Known
from manor.verify import Check, Finding, Level, Status, Team, Tenancy, load, team_of
from manor.verify.attempt import Undetermined, combine
from manor.verify.context import AttackContext
from manor.verify.probe.probe_pods import ProbePods
from manor.verify.report import Result
from manor.verify.rules import Rules
from manor.verify.runner import run_one
from manor.verify.snapshot import Served, Snapshot
from manor.verify.team import Actor, with_decoy


@cache
def kept_checks() -> tuple[Check, ...]:
    """The checks that the operator runs by itself."""
    return tuple(check for check in load() if check.kept)


class _Cached(Snapshot):
    """What the cluster holds as the watches tell of it; whatever would ask the server is not to be
    had."""

    def __init__(self, client: Client, cache: Cache) -> None:
        super().__init__(client)
        self._cache = cache

    async def all(self, api_version: str, kind: str) -> list[Object]:
        return [_plain(obj) for obj in await self._cache.every(api_version, kind)]

    async def of(self, api_version: str, kind: str, namespace: str) -> list[Object]:
        return [_plain(obj) for obj in await self._cache.every(api_version, kind, namespace)]

    async def named(self, api_version: str, kind: str, name: str) -> Object | None:
        return await self._cache.find(api_version, kind, name)

    async def resources(self) -> list[Served]:
        _refuse()

    async def rules(self, actor: Actor, namespace: str) -> Rules:
        _refuse()

    async def access(self, actor: Actor, attributes: Mapping[str, Any]) -> Object:
        _refuse()


def _refuse() -> NoReturn:
    raise Undetermined("the operator looks at objects alone: run `manor verify`")


def _plain(obj: Object) -> Object:
    """The object without what is by far the longest of it, and no check reads."""
    obj["metadata"].pop("managedFields", None)
    return obj


class Looking:
    """Looks at the tenants one by one, and at what concerns all of them."""

    def __init__(self, client: Client, cache: Cache, known: Known) -> None:
        self._client = client
        self._cache = cache
        self._known = known

    async def at_tenant(self, name: str) -> list[Finding] | None:
        """What is open in a tenant's places; None where it has none. The cost is that of one
        tenant."""
        tenants = self._known.tenants
        victim = min((other for other in tenants if other > name), default=min(tenants))
        teams = [await self._team(each) for each in dict.fromkeys((name, victim))]
        if teams[0] is None:
            return None
        tenancy = self._tenancy([team for team in teams if team])
        return await self._run("pair", tenancy)

    async def at_all(self) -> list[Finding]:
        """What is open beside single tenants' places."""
        teams = [await self._team(name) for name in sorted(self._known.tenants)]
        return await self._run("cluster", self._tenancy([team for team in teams if team]))

    def _tenancy(self, teams: Sequence[Team]) -> Tenancy:
        toolset = self._known.beside(set()).toolset
        return with_decoy(Tenancy(tuple(teams), self._known.platform, toolset))

    async def _team(self, name: str) -> Team | None:
        mine = {TENANT_LABEL: name}
        spaces = await self._cache.find_all("v1", "Namespace", (), mine)
        found = {
            space["metadata"]["name"]
            for space in spaces
            if "deletionTimestamp" not in space["metadata"]
        }
        tenant = self._known.tenants.get(name)
        return team_of(tenant, self._known.platform, found) if tenant else None

    async def _run(self, scope: str, tenancy: Tenancy) -> list[Finding]:
        attacker, victim = tenancy.teams[:2]
        snapshot = _Cached(self._client, self._cache)
        probes = ProbePods(self._client, tenancy, Level.STATIC, None)
        context = AttackContext(self._client, tenancy, attacker, victim, snapshot, probes)
        findings = []
        for check in kept_checks():
            if check.scope != scope:
                continue
            attempts = await run_one(check, context)
            result = Result(check, attempts, combine(attempts), 0.0)
            if result.status in (Status.FAIL, Status.ERROR):
                findings.append(Finding(check.id, result.status, result.reason))
        return findings
