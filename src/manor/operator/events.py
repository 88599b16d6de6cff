"""Events on the objects that people look at, in words; the same one is not told twice an hour."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Literal, Self

from manor import log
from manor.api.status import moment
from manor.api.wellknown import API_VERSION, OPERATOR
from manor.kube import Client, KubeError, Object
from manor.limits import limits
from manor.objectset.references import Ref

_Type = Literal["Normal", "Warning"]
_MESSAGE_LIMIT = 1024
"""Of an Event's message, in bytes (Kubernetes, core/v1 Event)."""


class Recorder:
    """Writes events beside the work: none of it waits for them, and one that is lost is no harm."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told: dict[tuple[str, str, str], float] = {}
        self._waiting: asyncio.Queue[Object] = asyncio.Queue(limits().operator.events)

    @classmethod
    @asynccontextmanager
    async def running(cls, client: Client) -> AsyncIterator[Self]:
        """A recorder that writes until the end of the block."""
        recorder = cls(client)
        task = asyncio.create_task(recorder._write())
        try:
            yield recorder
        finally:
            task.cancel()

    def tell(
        self, about: Ref, uid: str, reason: str, message: str, kind: _Type = "Warning"
    ) -> None:
        """An event on one of Manor's objects, unless it was told lately."""
        key, now = (uid, reason, message), time.monotonic()
        if now - self._told.get(key, float("-inf")) < limits().operator.event_again:
            return
        self._told[key] = now
        if len(self._told) > limits().operator.events:
            self._told = {
                told: at
                for told, at in self._told.items()
                if now - at < limits().operator.event_again
            }
        if not self._waiting.full():
            self._waiting.put_nowait(_event(about, uid, reason, message, kind))

    async def _write(self) -> None:
        while True:
            event = await self._waiting.get()
            try:
                await self._client.create(event)
            except KubeError as error:
                log.info("event lost", object=event["involvedObject"]["name"], cause=error)


def _event(about: Ref, uid: str, reason: str, message: str, kind: _Type) -> Object:
    now = moment(datetime.now(UTC))
    namespace = about.namespace or "default"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about.name[:200]}.{time.time_ns():x}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": about.kind,
            "name": about.name,
            "uid": uid,
            **({"namespace": namespace} if about.namespace else {}),
        },
        "reason": reason,
        "message": message.encode()[:_MESSAGE_LIMIT].decode(errors="ignore"),
        "type": kind,
        "source": {"component": OPERATOR},
        "reportingComponent": OPERATOR,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
