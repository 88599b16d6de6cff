"""Reads for many sets of objects: each from the server, or from lists that all of them share.

A set of one tenant is a few objects among those of thousands, and the server has no index by label:
a list by label in every namespace looks at every object there is, for each set again. Shared lists
are read once a run.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from manor.kube.client import Client, Object
from manor.kube.errors import Forbidden, NotFound

Labels = Mapping[str, str]


class Reader(Protocol):
    """How live objects are found. Methods raise what Client's do, but for NotFound."""

    async def find(
        self, api_version: str, kind: str, name: str, namespace: str = ""
    ) -> Object | None:
        """One object; None where it does not exist."""

    async def find_all(
        self, api_version: str, kind: str, namespaces: Iterable[str], labels: Labels
    ) -> list[Object]:
        """The objects with these labels in the namespaces, or, of a kind outside all namespaces,
        everywhere."""

    def wrote(self, obj: Object) -> None:
        """Take note of what the server answered to a write."""


class DirectReader:
    """Asks the server each time."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find(
        self, api_version: str, kind: str, name: str, namespace: str = ""
    ) -> Object | None:
        """One object; None where it does not exist."""
        try:
            return await self._client.get(api_version, kind, name, namespace or None)
        except NotFound:
            return None

    async def find_all(
        self, api_version: str, kind: str, namespaces: Iterable[str], labels: Labels
    ) -> list[Object]:
        """One request: in the namespace where there is one, else in all of them."""
        wanted = set(namespaces)
        namespaced = (await self._client.resource(api_version, kind)).namespaced
        only = next(iter(wanted)) if namespaced and len(wanted) == 1 else None
        found = await self._client.list(api_version, kind, only, labels)
        return [obj for obj in found if not namespaced or obj["metadata"]["namespace"] in wanted]

    def wrote(self, obj: Object) -> None:
        """The server knows."""


class SharedReader:
    """Lists a kind once, and answers from that list: kinds outside all namespaces, and those in
    namespaces `shared`.

    The rest is asked of the server. Made for one run: what somebody changes meanwhile is not seen,
    as it is not between the reads and the writes of a run of any kind.
    """

    def __init__(self, client: Client, shared: Collection[str]) -> None:
        self._client = client
        self._shared = shared
        self._direct = DirectReader(client)
        self._lists: dict[tuple[str, str, str], asyncio.Task[_Kept | None]] = {}

    async def find(
        self, api_version: str, kind: str, name: str, namespace: str = ""
    ) -> Object | None:
        """One object; None where it does not exist."""
        if namespace and namespace not in self._shared:
            return await self._direct.find(api_version, kind, name, namespace)
        kept = await self._kept(api_version, kind, namespace)
        return (
            await self._direct.find(api_version, kind, name, namespace)
            if kept is None
            else kept.named(name)
        )

    async def find_all(
        self, api_version: str, kind: str, namespaces: Iterable[str], labels: Labels
    ) -> list[Object]:
        """The objects with these labels: one request for each namespace that is not shared."""
        namespaced = (await self._client.resource(api_version, kind)).namespaced
        places = sorted(set(namespaces)) if namespaced else [""]
        parts = await asyncio.gather(
            *(self._part(api_version, kind, place, labels) for place in places)
        )
        return [obj for part in parts for obj in part]

    def wrote(self, obj: Object) -> None:
        """No set asks for what another one writes."""

    async def _part(
        self, api_version: str, kind: str, namespace: str, labels: Labels
    ) -> list[Object]:
        if not namespace or namespace in self._shared:
            kept = await self._kept(api_version, kind, namespace)
            if kept is not None:
                return kept.labelled(labels)
        return await self._direct.find_all(api_version, kind, [namespace], labels)

    async def _kept(self, api_version: str, kind: str, namespace: str) -> "_Kept | None":
        key = (api_version, kind, namespace)
        if key not in self._lists:
            self._lists[key] = asyncio.create_task(self._read(*key))
        return await asyncio.shield(self._lists[key])

    async def _read(self, api_version: str, kind: str, namespace: str) -> "_Kept | None":
        """The list; None for who may read single objects alone."""
        try:
            return _Kept(await self._client.list(api_version, kind, namespace or None))
        except Forbidden:
            return None


class _Kept:
    """Objects of a kind, as text: as dicts, those of thousands of tenants would take gigabytes."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self._texts: dict[str, str] = {}
        self._names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for obj in objects:
            meta = obj["metadata"]
            self._texts[meta["name"]] = json.dumps(obj, separators=(",", ":"))
            for label in (meta.get("labels") or {}).items():
                self._names[label].add(meta["name"])

    def named(self, name: str) -> Object | None:
        text = self._texts.get(name)
        found: Object | None = json.loads(text) if text else None
        return found

    def labelled(self, labels: Labels) -> list[Object]:
        names = set.intersection(*(self._names.get(label, set()) for label in labels.items()))
        return [obj for name in sorted(names) if (obj := self.named(name))]
