"""An informer's cache: the live objects of many kinds, kept up to date by one watch a kind.

Each watch begins with what there is (a streaming list, KEP-3157), goes on from the last resource
version it heard of, and begins anew where the server has forgotten that one. Objects are kept as
compressed text: as dicts, those of thousands of tenants would take gigabytes.
"""

import asyncio
import json
import random
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from manor import log
from manor.kube.client import Client, Object
from manor.kube.errors import ApiError, Forbidden, Gone, NotFound, UnknownKind, Unreachable
from manor.kube.reader import DirectReader, Labels
from manor.limits import limits

GroupKind = tuple[str, str]
Key = tuple[str, str]
"""Namespace, empty outside all of them, and name."""
_BREATH = 200
"""Objects that are unpacked at a stretch: a few milliseconds."""
OnChange = Callable[[Object | None, Object | None], None]
"""Told what an object was and what it is; None before it was made and once it is gone."""


class Cache:
    """A Reader that answers from memory; it follows a kind from the first question about it.

    Of most kinds only objects with `labels` are followed; what is not among them is asked of the
    server. Kinds in `whole` are followed in full, and in the namespaces `shared` the other objects
    of a kind too once one is looked for there, so that what is not there does not exist.
    """

    def __init__(
        self,
        client: Client,
        labels: Labels,
        whole: Collection[GroupKind],
        shared: Callable[[], Collection[str]],
        on_change: OnChange,
    ) -> None:
        self._client = client
        self._direct = DirectReader(client)
        self._labels = labels
        self._whole = frozenset(whole)
        self._shared = shared
        self._on_change = on_change
        self._kinds: dict[tuple[str, str, str], _Followed] = {}
        self._group: asyncio.TaskGroup | None = None

    @classmethod
    @asynccontextmanager
    async def following(
        cls,
        client: Client,
        *,
        labels: Labels,
        whole: Collection[GroupKind] = (),
        shared: Callable[[], Collection[str]] = tuple,
        on_change: OnChange = lambda _old, _new: None,
    ) -> AsyncIterator[Self]:
        """A cache whose watches end with the block."""
        cache = cls(client, labels, whole, shared, on_change)
        async with asyncio.TaskGroup() as cache._group:
            try:
                yield cache
            finally:
                for followed in cache._kinds.values():
                    followed.task.cancel()

    async def follow(self, api_version: str, kind: str) -> None:
        """Return once all objects of the kind are known, and follow them from then on. Raises
        UnknownKind, Forbidden."""
        await self._followed(api_version, kind)

    async def find(
        self, api_version: str, kind: str, name: str, namespace: str = ""
    ) -> Object | None:
        """One object; None where it does not exist."""
        followed = await self._followed(api_version, kind)
        found = followed.get((namespace, name))
        if found is not None or followed.is_whole:
            return found
        if namespace in self._shared():
            others = await self._followed(api_version, kind, namespace)
            return others.get((namespace, name))
        return await self._direct.find(api_version, kind, name, namespace)

    async def find_all(
        self, api_version: str, kind: str, namespaces: Iterable[str], labels: Mapping[str, str]
    ) -> list[Object]:
        """The objects with these labels in the namespaces, or, of a kind outside all namespaces,
        everywhere."""
        followed = await self._followed(api_version, kind)
        return followed.select(namespaces, labels)

    async def every(
        self, api_version: str, kind: str, namespace: str | None = None
    ) -> list[Object]:
        """Every object of a kind that is followed in full; with `namespace` those in it."""
        followed = await self._followed(api_version, kind)
        if not followed.is_whole:
            raise ValueError(f"not every {kind} is followed")
        found = []
        for number, key in enumerate(followed.keys(namespace), start=1):
            if number % _BREATH == 0:
                await asyncio.sleep(0)
            if obj := followed.get(key):
                found.append(obj)
        return found

    def wrote(self, obj: Object) -> None:
        """Take over what the server answered to a write: the next question sees it, and the watch
        has no news in it."""
        followed = self._kinds.get((obj["apiVersion"], obj["kind"], ""))
        if followed and followed.wants(obj):
            followed.put(obj)

    async def _followed(self, api_version: str, kind: str, others_in: str = "") -> "_Followed":
        """The objects of a kind; with `others_in` those in that namespace without our labels."""
        key = (api_version, kind, others_in)
        followed = self._kinds.get(key)
        if followed is None:
            resource = await self._client.resource(api_version, kind)
            if key not in self._kinds:  # nobody else came first while the server was asked
                is_whole = (resource.group, kind) in self._whole
                chosen = _Chosen(
                    labels={} if is_whole or others_in else self._labels,
                    without=self._labels if others_in else {},
                    namespace=others_in or None,
                )
                assert self._group is not None  # noqa: S101 - `following` made it
                made = _Followed(self._client, api_version, kind, chosen, self._on_change)
                made.task = self._group.create_task(made.run())
                self._kinds[key] = made
            followed = self._kinds[key]
        await followed.synced.wait()
        if followed.refusal:
            raise followed.refusal
        if followed.unserved:
            raise UnknownKind(api_version, kind)
        return followed


@dataclass(frozen=True)
class _Chosen:
    """Which objects of a kind are followed."""

    labels: Labels
    without: Labels
    namespace: str | None


@dataclass(frozen=True, slots=True)
class _Kept:
    text: bytes
    version: int
    """The resource version: a number that grows (KEP-5504)."""
    labels: tuple[tuple[str, str], ...]


class _Followed:
    """The objects of one kind, and the watch that keeps them up to date."""

    task: asyncio.Task[None]

    def __init__(
        self, client: Client, api_version: str, kind: str, chosen: _Chosen, on_change: OnChange
    ) -> None:
        self._client = client
        self._api_version, self._kind = api_version, kind
        self._chosen = chosen
        self._on_change = on_change
        self._kept: dict[Key, _Kept] = {}
        self._spaces: dict[str, set[Key]] = defaultdict(set)
        self._labelled: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._at: str | None = None
        """The resource version up to which everything was heard; None where all is to be told
        anew."""
        self.synced = asyncio.Event()
        self.unserved = False
        self.refusal: Forbidden | None = None
        """Why nothing is known: who follows may not see the kind."""

    @property
    def is_whole(self) -> bool:
        return not self._chosen.labels

    def wants(self, obj: Object) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return self._chosen.labels.items() <= labels.items()

    def get(self, key: Key) -> Object | None:
        kept = self._kept.get(key)
        return _object(kept) if kept else None

    def select(self, namespaces: Iterable[str], labels: Mapping[str, str]) -> list[Object]:
        found = set.intersection(*(self._labelled.get(pair, set()) for pair in labels.items()))
        if "" not in self._spaces:  # a kind that lives in namespaces
            wanted = set(namespaces)
            found = {key for key in found if key[0] in wanted}
        return [_object(self._kept[key]) for key in sorted(found)]

    def keys(self, namespace: str | None) -> list[Key]:
        """The keys of all objects; with `namespace` of those in it."""
        return sorted(self._kept if namespace is None else self._spaces.get(namespace, ()))

    def put(self, obj: Object) -> bool:
        """Keep the object, unless what is kept is as new. Whether it is news."""
        key, version = _key(obj), int(obj["metadata"]["resourceVersion"])
        old = self._kept.get(key)
        if old and old.version >= version:
            return False
        labels = tuple((obj["metadata"].get("labels") or {}).items())
        if old:
            self._unlabel(key, old)
        self._kept[key] = _Kept(
            zlib.compress(json.dumps(obj, separators=(",", ":")).encode(), 1), version, labels
        )
        self._spaces[key[0]].add(key)
        for pair in labels:
            self._labelled[pair].add(key)
        return True

    def _drop(self, key: Key) -> Object | None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return None
        self._unlabel(key, kept)
        self._spaces[key[0]].discard(key)
        return _object(kept)

    def _unlabel(self, key: Key, kept: _Kept) -> None:
        for pair in kept.labels:
            keys = self._labelled[pair]
            keys.discard(key)
            if not keys:
                del self._labelled[pair]

    async def run(self) -> None:
        """Follow the kind until cancelled, whatever goes wrong with the server or on the way."""
        bounds = limits().kube
        pause = bounds.watch_pause
        while True:
            try:
                await self._watch()
                pause = bounds.watch_pause
                continue
            except Gone:
                self._at = None
                continue
            except (UnknownKind, ApiError, Unreachable) as error:
                if isinstance(error, UnknownKind | NotFound):
                    self._forget()
                elif isinstance(error, Forbidden) and not self.synced.is_set():
                    self.refusal = error
                    self.synced.set()
                log.info("watch broken", kind=self._kind, cause=error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(pause * 2, bounds.watch_pause_longest)

    def _forget(self) -> None:
        """The kind is not served, or no more: its objects are gone."""
        self.unserved, self._at = True, None
        for key in list(self._kept):
            self._tell(self._drop(key), None)
        self.synced.set()

    async def _watch(self) -> None:
        anew = self._at is None
        seen: set[Key] = set()
        async for event in self._client.watch(
            self._api_version,
            self._kind,
            self._chosen.namespace,
            labels=dict(self._chosen.labels),
            without=self._chosen.without,
            resource_version=self._at,
            initial=anew,
        ):
            obj = event.object
            if event.type == "BOOKMARK":
                self._at = obj["metadata"]["resourceVersion"]
                if anew and "k8s.io/initial-events-end" in obj["metadata"].get("annotations", {}):
                    anew = False
                    for key in self._kept.keys() - seen:
                        self._tell(self._drop(key), None)
                    self.unserved, self.refusal = False, None
                    self.synced.set()
                continue
            key = _key(obj)
            if anew:
                seen.add(key)
            else:
                self._at = obj["metadata"]["resourceVersion"]
            if event.type == "DELETED":
                self._deleted(key, obj)
                continue
            old = self.get(key)
            if self.put(obj):
                self._tell(old, obj)

    def _deleted(self, key: Key, obj: Object) -> None:
        kept = self._kept.get(key)
        if kept and kept.version <= int(obj["metadata"]["resourceVersion"]):
            self._tell(self._drop(key), None)

    def _tell(self, old: Object | None, new: Object | None) -> None:
        if old is not None or new is not None:
            self._on_change(old, new)


def _key(obj: Object) -> Key:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _object(kept: _Kept) -> Object:
    found: Object = json.loads(zlib.decompress(kept.text))
    return found
