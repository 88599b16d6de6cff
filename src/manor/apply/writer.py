"""Writes members, remembers what failed, and leaves out what depends on it."""

import asyncio
import math
import operator
import time
from collections.abc import Iterable, Sequence

from manor.apply.concurrency import concurrently
from manor.apply.members import Member
from manor.apply.options import Options
from manor.apply.preview import preview, put
from manor.apply.progress import Finished, Progress
from manor.apply.reasons import Reason
from manor.apply.steps import BAD, Action, Step, conflict_step, failure_step
from manor.apply.survey import Survey
from manor.kube import (
    ApiError,
    Client,
    Conflict,
    NotFound,
    Object,
    Reader,
    UnknownKind,
    Unreachable,
)
from manor.limits import limits
from manor.objectset.kinds import GroupKind, defined_kinds
from manor.objectset.order import Wave
from manor.objectset.readiness import Readiness, readiness
from manor.objectset.references import Ref, is_namespace
from manor.objectset.refusals import is_passing, is_uncounted
from manor.polling import poll_until


class Writer:
    """Applies the members of one survey; `steps` has the fate of each that was written or left out.

    `settled` are members whose fate is known: refused, or written already.
    """

    def __init__(
        self,
        client: Client,
        reader: Reader,
        found: Survey,
        options: Options,
        progress: Progress,
        settled: Iterable[Step] = (),
    ) -> None:
        self.steps: dict[Ref, Step] = {}
        self._settled = {step.ref: step for step in settled}
        self._client = client
        self._reader = reader
        self._found = found
        self._marks = found.parent.inventory.marks.items()
        self._options = options
        self._progress = progress
        self._broken_namespaces: dict[str, Ref] = {}
        self._broken_kinds: dict[GroupKind, Ref] = {}
        self._unreachable = ""
        # No more objects are begun than requests can be in flight, so that a lost server is noticed
        # by the others.
        self._slots = asyncio.Semaphore(client.concurrency)

    async def write_wave(self, wave: Sequence[Member]) -> None:
        """Writes all of `wave` at once; returns when each has its step."""
        steps = await concurrently(
            self._write(member) for member in wave if member.ref not in self.steps
        )
        failed = {step.ref for step in steps if step.action in BAD}
        for member in wave:
            if member.ref in failed:
                self._note_failure(member)

    def _note_failure(self, member: Member) -> None:
        ref = member.ref
        if ref.namespace:
            self._broken_namespaces.setdefault(ref.namespace, ref)
        elif is_namespace(ref):
            self._broken_namespaces[ref.name] = ref
        for kind in defined_kinds([member.desired]):
            self._broken_kinds[kind] = ref

    async def _write(self, member: Member) -> Step:
        async with self._slots:
            obstacle = self._obstacle(member.ref)
            if member.ref in self._settled:
                step = self._settled[member.ref]
            elif obstacle:
                step = obstacle
            else:
                step = await self._attempt(member)
        self.steps[member.ref] = step
        self._progress(Finished(step))
        return step

    def _obstacle(self, ref: Ref) -> Step | None:
        """The step that leaves the object out, if something failed that it needs."""
        if self._unreachable:
            return Step(ref, Action.SKIP, self._unreachable, reasons=(Reason.UNREACHABLE,))
        # What failed in an earlier wave may be a guard: without it nothing further may start in its
        # namespace.
        failed = self._broken_namespaces.get(ref.namespace) or self._broken_kinds.get(
            ref.group_kind
        )
        return (
            Step(ref, Action.SKIP, f"{failed} failed", reasons=(Reason.DEPENDENCY_FAILED,))
            if failed
            else None
        )

    async def _attempt(self, member: Member) -> Step:
        ref = member.ref
        live = self._found.live.get(ref)
        try:
            if live and "deletionTimestamp" in live["metadata"]:
                live = await self._after_deletion(live)
            if live is None or not self._marks <= (live["metadata"].get("labels") or {}).items():
                step = Step(ref, Action.UPDATE if live else Action.CREATE)
            else:
                step = await preview(
                    self._client, member, live, force=self._options.force_conflicts
                )
            if step.action in (Action.CREATE, Action.UPDATE):
                await self._apply(member)
                if member.wave == Wave.CRDS:
                    await self._establish(member)
        except Conflict as error:
            return conflict_step(ref, error)
        except (ApiError, UnknownKind, TimeoutError) as error:
            return failure_step(ref, error)
        except Unreachable as error:
            self._unreachable = str(error)
            return failure_step(ref, error)
        return Step(ref, step.action, step.message, step.conflicts, reasons=step.reasons)

    async def _after_deletion(self, live: Object) -> Object | None:
        """None once the object is gone; the object where something holds it."""
        meta, bounds = live["metadata"], limits().apply

        async def gone() -> bool:
            try:
                await self._client.get(
                    live["apiVersion"], live["kind"], meta["name"], meta.get("namespace")
                )
            except NotFound:
                return True
            return False

        return (
            None
            if await poll_until(bool, gone, timeout=bounds.leaving, interval=bounds.poll)
            else live
        )

    async def _apply(self, member: Member) -> None:
        began, bounds = time.monotonic(), limits().apply

        async def written() -> bool:
            try:
                live = await put(self._client, member, force=self._options.force_conflicts)
            except ApiError as error:
                if time.monotonic() - began > _patience(error):
                    raise
                return False
            self._reader.wrote(live)
            return True

        pauses = {"interval": bounds.retry_pause, "longest": bounds.retry_pause_longest}
        await poll_until(bool, written, timeout=math.inf, **pauses)

    async def _establish(self, crd: Member) -> None:
        """Waits until the kind that `crd` defines is served. Raises TimeoutError."""
        spec, bounds = crd.desired["spec"], limits().apply
        version = next(v["name"] for v in spec["versions"] if v["served"])

        async def look() -> Readiness:
            state = readiness(
                await self._client.get(crd.desired["apiVersion"], crd.desired["kind"], crd.ref.name)
            )
            if state.ready:
                try:
                    await self._client.resource(f"{spec['group']}/{version}", spec["names"]["kind"])
                except UnknownKind as error:
                    return Readiness(False, str(error))
            return state

        served = operator.attrgetter("ready")
        state = await poll_until(served, look, timeout=bounds.established, interval=bounds.poll)
        if not state.ready:
            raise TimeoutError(
                f"its kind is not served after {bounds.established:g} s: {state.reason}"
            )


def _patience(error: ApiError) -> float:
    """For how many seconds after the first try the same request may still become possible."""
    bounds = limits().apply
    if is_uncounted(error.message):
        return bounds.counted
    if is_passing(error.message):
        return bounds.retry
    # A kind just established is not served by every part of the server yet; a missing object would
    # be named. A binding is named too where the server has not seen its role, just made.
    named = error.details.get("name") and "binding" not in str(error.details.get("kind", ""))
    return bounds.retry if isinstance(error, NotFound) and not named else -1.0
