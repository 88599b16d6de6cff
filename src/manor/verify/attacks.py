"""Attacks on the API server, from which checks are put together: requests refused, access denied."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from manor.kube import ApiError, Client, KubeError
from manor.verify.check import Attack
from manor.verify.ground import Ground
from manor.verify.mechanisms import QUOTA, RBAC, Stopper
from manor.verify.requests import Request
from manor.verify.team import Actor
from manor.verify.trial import Asked, Skip, Trial, Verdict

Plan = Callable[[Ground], Awaitable[Mapping[str, Request]]]
"""Requests that depend on what the cluster holds."""

EXISTS = "AlreadyExists"
"""What the API server says last of all, once everything has admitted the request; a quota comes right before it."""
EVIDENCE_LIMIT = 700
"""Characters of an answer that are kept as evidence."""


def said(error: ApiError) -> str:
    """The answer as evidence: code, reason, message."""
    text = f"{error.status} {error.reason}: {error.message}"
    return text if len(text) <= EVIDENCE_LIMIT else text[:EVIDENCE_LIMIT] + "…"


async def _asked(ground: Ground, actor: Actor, title: str, request: Request) -> str:
    return f"{title}: as {actor}: {await request.describe(ground.client)}"


async def try_refused(ground: Ground, actor: Actor, title: str, request: Request, by: Stopper) -> Trial:
    """Sends what must be refused `by` that mechanism and by no other."""
    try:
        request = request.filled(ground)
    except Asked as reason:
        return Trial(title, Verdict.ASKED, str(reason))
    what = await _asked(ground, actor, title, request)
    try:
        await request.send(ground.act(actor))
    except ApiError as error:
        mechanism = by.stopped(error)
        if mechanism:
            return Trial(what, Verdict.HELD, said(error), mechanism)
        if error.reason == EXISTS:
            return Trial(what, Verdict.BROKEN, f"the API server accepted it, and has one of that name: {said(error)}")
        return Trial(what, Verdict.ERROR, f"refused, but not by {by.name}: {said(error)}")
    return Trial(what, Verdict.BROKEN, "the API server accepted it")


async def try_allowed(ground: Ground, actor: Actor, title: str, request: Request) -> Trial:
    """Sends the control: the same action where it is allowed."""
    try:
        request = request.filled(ground)
    except Asked as reason:
        return Trial(f"control: {title}", Verdict.ASKED, str(reason), control=True)
    what = await _asked(ground, actor, f"control: {title}", request)
    try:
        await request.send(ground.act(actor))
    except ApiError as error:
        if RBAC.stopped(error):
            why = f"the tenant may not do even the allowed action: {said(error)}"
            return Trial(what, Verdict.SKIPPED, why, control=True)
        if error.reason == EXISTS or QUOTA.stopped(error):
            return Trial(what, Verdict.HELD, f"admitted by all that comes before: {said(error)}", control=True)
        return Trial(what, Verdict.ERROR, f"the control failed: {said(error)}", control=True)
    return Trial(what, Verdict.HELD, "accepted", control=True)


def _without_rights(trials: list[Trial]) -> list[Trial]:
    """Where the tenant may not do even the allowed action, that RBAC refuses the attack as well shows nothing."""
    if not any(trial.control and trial.verdict is Verdict.SKIPPED for trial in trials):
        return trials
    return [replace(t, verdict=Verdict.SKIPPED) if t.verdict is Verdict.ERROR else t for t in trials]


def refused(attacks: Mapping[str, Request] | Plan, *, by: Stopper, control: Request | Mapping[str, Request]) -> Attack:
    """Each request must be refused `by` the mechanism and each control accepted, all as the mightiest member."""

    async def run(ground: Ground) -> list[Trial]:
        actor = ground.attacker.actor
        planned = attacks if isinstance(attacks, Mapping) else await attacks(ground)
        controls = control if isinstance(control, Mapping) else {"the allowed form": control}
        trials = await asyncio.gather(
            *(try_allowed(ground, actor, title, request) for title, request in controls.items()),
            *(try_refused(ground, actor, title, request, by) for title, request in planned.items()),
        )
        return _without_rights(trials)

    return run


def all_of(*attacks: Attack) -> Attack:
    """Several attacks in one check."""

    async def run(ground: Ground) -> list[Trial]:
        parts = await asyncio.gather(*(attack(ground) for attack in attacks))
        return [trial for part in parts for trial in part]

    return run


async def found(
    client: Client, api_version: str, kind: str, name: str, namespace: str | None = None
) -> dict[str, object]:
    """A live object that an attack needs; skips the check where it is not there."""
    try:
        return await client.get(api_version, kind, name, namespace)
    except KubeError as error:
        raise Skip(f"{kind} {name} is needed and cannot be read: {error}") from error
