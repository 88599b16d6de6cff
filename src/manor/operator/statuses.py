"""Writes how an object stands, where that is another than before."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

from manor.api import API_VERSION, kinds
from manor.api.status import (
    STATUSES,
    Condition,
    ConditionType,
    Phase,
    Reason,
    Status,
    TrainingJobStatus,
    conditions,
    moment,
)
from manor.api.wellknown import OPERATOR
from manor.kube import Client, NotFound, Object, Reader
from manor.objectset.references import Ref, ref_of

_RAN = (Reason.FAILED, Reason.CRASHED)
"""Why a run failed that had begun; one that was refused is tried again."""


class Statuses:
    """Of all of Manor's objects."""

    def __init__(
        self, client: Client, cache: Reader, on_write: Callable[[Ref, Object], None]
    ) -> None:
        self._client = client
        self._cache = cache
        self._on_write = on_write
        # What reads a status and writes it anew must not lose what another one writes meanwhile.
        self._locks = WeakValueDictionary[Ref, asyncio.Lock]()

    async def live(self, key: Ref) -> Object | None:
        """The object, as far as is known."""
        return await self._cache.find(API_VERSION, key.kind, key.name, key.namespace)

    async def has_ended(self, key: Ref, generation: int) -> bool:
        """Whether it was told that this generation of a TrainingJob has run to its end."""
        live = await self.live(key)
        if live is None or key.kind != kinds.TRAINING_JOB.kind:
            return False
        status = TrainingJobStatus.model_validate(live.get("status") or {})
        ran = status.condition(ConditionType.READY)
        return status.observed_generation == generation and (
            status.phase is Phase.SUCCEEDED
            or bool(status.phase is Phase.FAILED and ran and ran.reason in _RAN)
        )

    async def tell(
        self, key: Ref, generation: int, reached: Sequence[Condition], **said: Any
    ) -> None:
        """The conditions that `generation` of the object has reached, and what its kind's status
        says besides; None takes a field away."""
        await self._merge(key, reached, observed_generation=generation, **said)

    async def note(self, key: Ref, condition: Condition, **said: Any) -> str | None:
        """One condition beside those that tell how the spec stands, and what belongs to it; its
        status before, None where nobody has told it."""
        before = await self._merge(key, [condition], **said)
        found = before.condition(condition.type) if before else None
        return found.status if found else None

    async def _merge(self, key: Ref, reached: Sequence[Condition], **said: Any) -> Status | None:
        """The status as it was."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            live = await self.live(key)
            if live is None or ("deletionTimestamp" in live["metadata"] and not reached):
                return None
            before = STATUSES[key.kind].model_validate(live.get("status") or {})
            merged = conditions(before.conditions, reached, _now())
            after = before.model_copy(update={"conditions": merged, **said})
            await self._write(live, before, after)
            return before

    async def _write(self, live: Object, before: Status, after: Status) -> None:
        if before.written() == after.written():
            return
        meta = {key: live["metadata"].get(key) for key in ("name", "namespace")}
        told = {
            "apiVersion": live["apiVersion"],
            "kind": live["kind"],
            "metadata": {key: value for key, value in meta.items() if value},
            "status": after.written(),
        }
        try:
            answer = await self._client.apply(
                told, field_manager=OPERATOR, force=True, subresource="status"
            )
        except NotFound:  # it went meanwhile
            return
        self._cache.wrote(answer)
        self._on_write(ref_of(answer), answer)


def _now() -> str:
    return moment(datetime.now(UTC))
