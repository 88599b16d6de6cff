"""Looks at objects in place of attacking, and attempts on what the platform made for a tenant."""

import asyncio
from collections.abc import Sequence

from manor.verify.attacks import try_allowed, try_refused
from manor.verify.attempt import Attempt, Undetermined, Verdict
from manor.verify.check import Attack
from manor.verify.context import AttackContext
from manor.verify.mechanisms import Stopper
from manor.verify.objects import pod
from manor.verify.requests import Object, create, delete, delete_all, every_write


def seen(what: str, got: str) -> Attempt:
    """The control of a look: there is something to look at."""
    return Attempt(f"control: {what}", Verdict.HELD, got, control=True)


def holds(what: str, fine: bool, got: str, by: str) -> Attempt:
    """What a look found: as it must be, thanks to `by`, or not."""
    return Attempt(what, Verdict.HELD if fine else Verdict.BROKEN, got, by if fine else "")


def name_of(obj: Object) -> str:
    """`Kind name` or `Kind namespace/name`."""
    meta = obj["metadata"]
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{obj['kind']} {place}{meta['name']}"


def subject_name(subject: Object) -> str:
    """A binding's subject, as people write it."""
    place = f"{subject['namespace']}/" if subject.get("namespace") else ""
    return f"{subject['kind']} {place}{subject['name']}"


def tampering(
    api_version: str,
    kind: str,
    names: Sequence[str],
    change: Object,
    *,
    by: Stopper,
    namespace: str | None = "$own",
    subresources: tuple[str, ...] = (),
) -> Attack:
    """Each object of these names cannot be changed, deleted or swept away by the tenant, in any way
    of writing."""

    async def run(context: AttackContext) -> list[Attempt]:
        place = context.fill(namespace) if namespace else None
        actor = context.attacker.asker
        ways = {f"delete every {kind}": delete_all(api_version, kind, place)}
        for name in map(context.fill, names):
            live = await context.client.get(api_version, kind, name, place)
            writes = every_write(live, change, subresources)
            writes["delete"] = delete(api_version, kind, name, place)
            ways |= {f"{way} {kind} {name}": request for way, request in writes.items()}
        return await asyncio.gather(
            try_allowed(context, actor, "the tenant writes an object of its own", create(pod())),
            *(try_refused(context, actor, title, request, by) for title, request in ways.items()),
        )

    return run


def need(value: object, reason: str) -> None:
    """Raises Undetermined where what the check looks at is not there: a look at nothing shows
    nothing."""
    if not value:
        raise Undetermined(reason)
