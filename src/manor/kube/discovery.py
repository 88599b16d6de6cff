"""Which kinds the server serves, from aggregated discovery: two requests, kept for the life of the
client."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from manor.kube.errors import BadName, NoApiServer, UnknownKind

ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Resource:
    """A kind as the server serves it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]
    subresources: tuple[str, ...]

    @property
    def api_version(self) -> str:
        """`v1`, or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """The URL path of the collection, of one object, or of its subresource; every namespace
        where none is given.

        Raises BadName where a name would lead elsewhere than to that object: none at all means all
        objects, and `..` what lies above. Raises ValueError where one object of a namespaced kind
        is meant and no namespace is given.
        """
        path = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            path += f"/namespaces/{_segment('Namespace', namespace)}"
        elif self.namespaced and name is not None:
            raise ValueError(f"{self.kind} {name} lives in a namespace, and none is given")
        path += f"/{self.plural}"
        if name is not None:
            path += f"/{_segment(self.kind, name)}"
        return f"{path}/{subresource}" if subresource else path


def _segment(kind: str, name: str) -> str:
    """A name as one segment of a path, by what Kubernetes asks of any name."""
    if name in ("", ".", "..") or "/" in name or "%" in name:
        raise BadName(kind, name)
    return quote(name, safe=":@", errors="surrogatepass")


class Discovery:
    """The served kinds; read at the first question, and once more when a kind is unknown: a CRD may
    be new."""

    def __init__(self, fetch: Callable[[str, str], Awaitable[str]]) -> None:
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._kinds: dict[tuple[str, str], Resource] = {}
        self._reads = 0

    async def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of `kind`; raises UnknownKind."""
        found = self._kinds.get((api_version, kind))
        if found is None:
            reads = self._reads
            async with self._lock:
                if self._reads == reads:
                    await self._read()
            found = self._kinds.get((api_version, kind))
        if found is None:
            raise UnknownKind(api_version, kind)
        return found

    async def preferred(self, group: str, kind: str) -> Resource:
        """The resource of `kind` in the version of `group` that the server prefers; raises
        UnknownKind."""
        await self.unserved([(group, kind)])
        found = self._preferred(group, kind)
        if found is None:
            raise UnknownKind(group or "v1", kind)
        return found

    async def unserved(self, kinds: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of the kinds (group and kind) that the server does not serve; at the most one read
        for all of them."""
        reads = self._reads
        missing = [kind for kind in kinds if self._preferred(*kind) is None]
        if not missing:
            return []
        async with self._lock:
            if self._reads == reads:
                await self._read()
        return [kind for kind in missing if self._preferred(*kind) is None]

    def _preferred(self, group: str, kind: str) -> Resource | None:
        return next((r for r in self._kinds.values() if (r.group, r.kind) == (group, kind)), None)

    async def preferred_of_all(self) -> list[Resource]:
        """Every kind that is served, in its preferred version."""
        if not self._reads:
            async with self._lock:
                if not self._reads:
                    await self._read()
        found: dict[tuple[str, str], Resource] = {}
        for resource in self._kinds.values():
            found.setdefault((resource.group, resource.plural), resource)
        return list(found.values())

    async def _read(self) -> None:
        answers = await asyncio.gather(self._fetch("/api", ACCEPT), self._fetch("/apis", ACCEPT))
        self._kinds = {
            (resource.api_version, resource.kind): resource
            for answer in answers
            for resource in _read_answer(answer)
        }
        self._reads += 1


def _read_answer(answer: str) -> list[Resource]:
    try:
        return _parse(answer)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NoApiServer(answer) from None


def _parse(answer: str) -> list[Resource]:
    found = []
    for group in json.loads(answer)["items"]:
        for version in group["versions"]:
            found += [
                _resource(group["metadata"].get("name", ""), version["version"], entry)
                for entry in version.get("resources", [])
                if entry.get("responseKind")
            ]
    return found


def _resource(group: str, version: str, entry: dict[str, Any]) -> Resource:
    return Resource(
        group=group,
        version=version,
        kind=entry["responseKind"]["kind"],
        plural=entry["resource"],
        namespaced=entry["scope"] == "Namespaced",
        verbs=tuple(entry.get("verbs", ())),
        subresources=tuple(sub["subresource"] for sub in entry.get("subresources", ())),
    )
