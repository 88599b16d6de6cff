"""Attacks on the API server, from which checks are put together: requests refused,
access denied."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from manor.kube import ApiError
from manor.verify.attempt import Asked, Attempt, Verdict
from manor.verify.check import Attack
from manor.verify.context import AttackContext
from manor.verify.mechanisms import QUOTA, RBAC, Stopper
from manor.verify.requests import Request
from manor.verify.team import Actor

Plan = Callable[[AttackContext], Awaitable[Mapping[str, Request]]]
"""Requests that depend on what the cluster holds."""

EXISTS = "AlreadyExists"
"""What the API server says last of all, once everything has admitted the request; a quota comes
right before it."""
EVIDENCE_LIMIT = 700
"""Characters of an answer that are kept as evidence."""


def said(error: ApiError) -> str:
    """The answer as evidence: code, reason, message."""
    text = f"{error.status} {error.reason}: {error.message}"
    return text if len(text) <= EVIDENCE_LIMIT else text[:EVIDENCE_LIMIT] + "…"


async def _asked(context: AttackContext, actor: Actor, title: str, request: Request) -> str:
    return f"{title}: as {actor}: {await request.describe(context.client)}"


async def try_refused(
    context: AttackContext, actor: Actor, title: str, request: Request, by: Stopper
) -> Attempt:
    """Sends what must be refused `by` that mechanism and by no other."""
    try:
        request = request.filled(context)
    except Asked as reason:
        return Attempt(title, Verdict.ASKED, str(reason))
    what = await _asked(context, actor, title, request)
    try:
        await request.send(context.act(actor))
    except ApiError as error:
        mechanism = by.stopped(error)
        if mechanism:
            return Attempt(what, Verdict.HELD, said(error), mechanism)
        if error.reason == EXISTS:
            return Attempt(
                what,
                Verdict.BROKEN,
                f"the API server accepted it, and has one of that name: {said(error)}",
            )
        return Attempt(what, Verdict.ERROR, f"refused, but not by {by.name}: {said(error)}")
    return Attempt(what, Verdict.BROKEN, "the API server accepted it")


async def try_allowed(
    context: AttackContext, actor: Actor, title: str, request: Request, after: Stopper = QUOTA
) -> Attempt:
    """Sends the control: the same action where it is allowed. What stops it `after` all that is on
    trial says nothing against that."""
    try:
        request = request.filled(context)
    except Asked as reason:
        return Attempt(f"control: {title}", Verdict.ASKED, str(reason), control=True)
    what = await _asked(context, actor, f"control: {title}", request)
    try:
        await request.send(context.act(actor))
    except ApiError as error:
        if RBAC.stopped(error):
            why = f"the tenant may not do even the allowed action: {said(error)}"
            return Attempt(what, Verdict.SKIPPED, why, control=True)
        if error.reason == EXISTS or after.stopped(error):
            return Attempt(
                what,
                Verdict.HELD,
                f"admitted by all that comes before: {said(error)}",
                control=True,
            )
        return Attempt(what, Verdict.ERROR, f"the control failed: {said(error)}", control=True)
    return Attempt(what, Verdict.HELD, "accepted", control=True)


def _without_rights(attempts: list[Attempt]) -> list[Attempt]:
    """Where the tenant may not do even the allowed action, that RBAC refuses the attack as well
    shows nothing."""
    if not any(attempt.control and attempt.verdict is Verdict.SKIPPED for attempt in attempts):
        return attempts
    return [
        replace(t, verdict=Verdict.SKIPPED) if t.verdict is Verdict.ERROR else t for t in attempts
    ]


def refused(
    attacks: Mapping[str, Request] | Plan,
    *,
    by: Stopper,
    control: Request | Mapping[str, Request],
    actor: Actor | None = None,
    after: Stopper = QUOTA,
) -> Attack:
    """Each request must be refused `by` the mechanism and each control accepted, all as `actor`, or
    as whoever asks for the tenant; what stops a control `after` that mechanism is no refusal of
    its."""

    async def run(context: AttackContext) -> list[Attempt]:
        who = actor or context.attacker.asker
        planned = attacks if isinstance(attacks, Mapping) else await attacks(context)
        controls = control if isinstance(control, Mapping) else {"the allowed form": control}
        attempts = await asyncio.gather(
            *(
                try_allowed(context, who, title, request, after)
                for title, request in controls.items()
            ),
            *(try_refused(context, who, title, request, by) for title, request in planned.items()),
        )
        return _without_rights(attempts)

    return run


def all_of(*attacks: Attack) -> Attack:
    """Several attacks in one check."""

    async def run(context: AttackContext) -> list[Attempt]:
        parts = await asyncio.gather(*(attack(context) for attack in attacks))
        return [attempt for part in parts for attempt in part]

    return run
