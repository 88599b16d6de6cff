"""Which replica works: the one that holds the Lease (Kubernetes, coordination.k8s.io/v1).

The rules are client-go's: whoever does not see the lease change for its whole duration may take it,
and a leader that cannot renew it in a shorter time gives up before that. Moments of other machines
are not compared with ours: only how long, by our clock, the lease has stayed as it is.
"""

import asyncio
import math
import time
from collections.abc import Awaitable
from datetime import UTC, datetime

from manor import log
from manor.api.wellknown import OPERATOR, SYSTEM_NAMESPACE
from manor.errors import ManorError
from manor.kube import Client, Conflict, KubeError, NotFound, Object
from manor.limits import limits
from manor.polling import poll_until


class LeadershipLost(ManorError):
    """Another replica may be working by now."""


class Election:
    """One replica's part in it."""

    def __init__(self, client: Client, identity: str) -> None:
        self._client = client
        self._identity = identity
        self._seen: Object = {}
        self._since = 0.0
        self.before: Object | None = None
        """Once this one leads, the lease's spec as it was left; empty where there was none."""

    async def lead(self, work: Awaitable[None]) -> None:
        """Wait for the lease, then work for as long as it can be renewed. Raises LeadershipLost."""
        pause = limits().operator.lease_poll
        await poll_until(bool, self._try, timeout=math.inf, interval=pause)
        log.info("leading", identity=self._identity)
        working = asyncio.ensure_future(work)
        try:
            await self._renew(working)
            await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await self._give_up()

    async def _renew(self, working: asyncio.Future[None]) -> None:
        last = time.monotonic()
        while not working.done():
            await asyncio.wait([working], timeout=limits().operator.lease_poll)
            if await self._try():
                last = time.monotonic()
            elif time.monotonic() - last > limits().operator.lease_renew:
                raise LeadershipLost("the lease could not be renewed in time")

    async def _try(self) -> bool:
        """Take or renew the lease; whether we have it."""
        try:
            return await asyncio.wait_for(self._take(), limits().operator.lease_poll * 2)
        except (KubeError, TimeoutError) as error:
            log.info("lease not had", cause=error)
            return False

    async def _take(self) -> bool:
        try:
            lease = await self._client.get(
                "coordination.k8s.io/v1", "Lease", OPERATOR, SYSTEM_NAMESPACE
            )
        except NotFound:
            await self._client.create(self._lease({}, 0))
            self.before = {}
            return True
        spec = lease.get("spec") or {}
        if spec != self._seen:
            self._seen, self._since = spec, time.monotonic()
        ours = spec.get("holderIdentity") == self._identity
        lasts = spec.get("leaseDurationSeconds") or 0
        if not ours and spec.get("holderIdentity") and time.monotonic() - self._since < lasts:
            return False
        changes = (spec.get("leaseTransitions") or 0) + (not ours)
        try:
            await self._client.replace(self._lease(lease["metadata"], changes))
        except Conflict:
            return False
        if self.before is None:
            self.before = spec
        return True

    def _lease(self, metadata: Object, changes: int, holder: str | None = None) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**metadata, "name": OPERATOR, "namespace": SYSTEM_NAMESPACE},
            "spec": {
                "holderIdentity": self._identity if holder is None else holder,
                "leaseDurationSeconds": int(limits().operator.lease),
                "renewTime": now,
                "leaseTransitions": changes,
            },
        }

    async def _give_up(self) -> None:
        """The next replica need not wait for the lease to end."""
        try:
            lease = await self._client.get(
                "coordination.k8s.io/v1", "Lease", OPERATOR, SYSTEM_NAMESPACE
            )
            if lease["spec"].get("holderIdentity") == self._identity:
                changes = lease["spec"].get("leaseTransitions") or 0
                await self._client.replace(self._lease(lease["metadata"], changes, holder=""))
        except KubeError as error:
            log.info("lease not given up", cause=error)
