"""A key asks a model so often a minute as it may."""

import asyncio

from manor.api.keys import KEY_HEADER
from manor.limits import limits
from manor.polling import poll_until
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import (
    GATEWAY_SERVICE,
    GATEWAYS,
    KEYS,
    OWN_PROXIES,
    PROBE_IMAGE,
    TWO_TENANTS,
)
from manor.verify.findings import holds
from manor.verify.keyed import BOUNDS, Keyed, key_to, name_of
from manor.verify.probe.probe_pods import Outcome

LIMIT = 1
"""A minute."""
ASKED, MOST = 12, 6
"""At once, and how many of these may be answered: each of a team's proxies counts for itself."""


async def _attack(context: AttackContext) -> list[Attempt]:
    name = name_of(context, "limit")
    free, bound = (key_to(context, name, key) for key in ("free", "bound"))
    keyed = await Keyed.made(context, name, [free, bound], {"bound": LIMIT})

    async def ask(*headers: tuple[str, str]) -> list[Outcome]:
        return await asyncio.gather(*(keyed.ask(bound.token, *headers) for _ in range(ASKED)))

    bounds = limits().verify
    often = await poll_until(
        lambda outcomes: sum(map(keyed.answered, outcomes)) <= MOST,
        ask,
        timeout=bounds.answers,
        interval=bounds.poll,
    )
    forged = await ask((KEY_HEADER, "free"))
    beside = await keyed.ask(free.token)
    return [
        keyed.control,
        keyed.judge_often(f"{ASKED} requests with a key to {LIMIT} a minute", often, MOST),
        keyed.judge_often(f"{ASKED} more in the name of another key ({KEY_HEADER})", forged, MOST),
        holds(
            "a request with another key, at whose expense nothing goes",
            keyed.answered(beside),
            str(beside)[:300],
            BOUNDS,
        ),
    ]


CHECK = Check(
    id="MNR-ROUTES-023",
    title="Ask a model more often than a key may",
    guarantee="A key with a limit is answered by a proxy no more often, in whosever name it asks.",
    severity=Severity.MEDIUM,
    level=Level.LIVE,
    references=("OWASP API4:2023 Unrestricted Resource Consumption",),
    attempt=(
        "Makes a route of the victim's that asks for keys as a Model's does and bounds one of them "
        "to a request a minute, and asks it more often with that key, and in another key's name."
    ),
    expect=(
        "The tenant's proxy answers 429 (BackendTrafficPolicy, local rate limit), while a request "
        "with another key reaches the pod."
    ),
    remedy=(
        "Remove other BackendTrafficPolicies before the same routes; `manor apply` writes Manor's "
        "again."
    ),
    requires=(TWO_TENANTS, GATEWAYS, OWN_PROXIES, GATEWAY_SERVICE, KEYS, PROBE_IMAGE),
    run=_attack,
)
