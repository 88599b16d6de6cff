"""What holds for a new route holds for a changed one."""

import asyncio
from contextlib import suppress
from functools import partial

from manor.api.wellknown import GATEWAY_API, PROBE_LABEL
from manor.kube import Conflict
from manor.limits import limits
from manor.polling import poll_until
from manor.verify.attacks import try_allowed, try_refused
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import GATEWAYS, TWO_TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import Object, route
from manor.verify.requests import every_write, patch

BY = policy("routes")


async def _made(context: AttackContext) -> Object:
    """A route of the attacker's own, once its controller has seen it: it changes no more."""
    mine = context.fill(route())
    # Names that begin with manor- are the platform's: no tenant could change such a route in any
    # way.
    name = f"{context.probes.run.removeprefix('manor-')}-route"
    mine["metadata"] |= {"name": name, "labels": {PROBE_LABEL: name}}
    where = (GATEWAY_API, "HTTPRoute", mine["metadata"]["name"], mine["metadata"]["namespace"])
    with suppress(Conflict):
        await context.client.create(mine)

    def is_seen(live: Object) -> bool:
        return bool(live.get("status", {}).get("parents"))

    bounds, look = limits().verify, partial(context.client.get, *where)
    return await poll_until(is_seen, look, timeout=bounds.seen, interval=bounds.poll)


async def _attack(context: AttackContext) -> list[Attempt]:
    actor, live = context.attacker.asker, await _made(context)
    meta = live["metadata"]
    plain = patch(
        GATEWAY_API,
        "HTTPRoute",
        meta["name"],
        {"spec": {"hostnames": ["$host"]}},
        meta["namespace"],
    )
    tries = [try_allowed(context, actor, "patch its own host into it", plain)]
    changes: dict[str, Object] = {
        "another's host": {"spec": {"hostnames": ["$other_host"]}},
        "another's Gateway": {
            "spec": {
                "parentRefs": [{"name": "$other_gateway", "namespace": "$other_gateway_namespace"}]
            }
        },
    }
    for name, change in changes.items():
        for way, request in every_write(live, change).items():
            tries.append(try_refused(context, actor, f"{way}: {name}", request, BY))
    return await asyncio.gather(*tries)


CHECK = Check(
    id="MNR-ROUTES-011",
    title="Change a route to another tenant's host afterwards",
    guarantee="What holds for a new route holds for a changed one.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=(
        "CVE-2024-39690 (class)",
        "Gateway API: Cross namespace routing",
    ),
    attempt=(
        "Makes a route of its own host, then patches, replaces and applies another tenant's host "
        "into it, and "
        "another's Gateway."
    ),
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TWO_TENANTS, GATEWAYS),
    run=_attack,
)
