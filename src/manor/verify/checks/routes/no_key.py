"""A model is asked with a key to it alone."""

import asyncio

from manor.api.keys import KEY_HEADER
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
from manor.verify.keyed import Keyed, key_to, name_of

FORGED = (
    (KEY_HEADER, "own"),
    ("X-Forwarded-User", "admin"),
    ("X-Envoy-Internal", "true"),
    ("X-Envoy-Original-Path", "/public"),
)


async def _attack(context: AttackContext) -> list[Attempt]:
    name = name_of(context, "no-key")
    own = key_to(context, name, "own")
    keyed = await Keyed.made(context, name, [own])
    none = await asyncio.gather(*(keyed.ask() for _ in range(6)))
    forged = await asyncio.gather(*(keyed.ask("", header) for header in FORGED))
    query = await keyed.ask(query=f"?access_token={own.token}")
    return [
        keyed.control,
        keyed.judge("six requests without a key, half of them for the canary", none),
        *(
            keyed.judge(f"header {header[0]}", [outcome])
            for header, outcome in zip(FORGED, forged, strict=True)
        ),
        keyed.judge("the key in the query, which servers log", [query]),
    ]


CHECK = Check(
    id="MNR-ROUTES-019",
    title="Ask a model without a key",
    guarantee="A Model that is not public answers nobody who bears no key to it.",
    severity=Severity.HIGH,
    level=Level.LIVE,
    references=("OWASP API2:2023 Broken Authentication",),
    attempt=(
        "Makes a route of the victim's that asks for keys as a Model's does, with a canary, and "
        "asks it without a key, with forged identity headers, and with the key in the query."
    ),
    expect=(
        "The tenant's proxy answers 401 or 403 (SecurityPolicy, JWT), while a request with a key "
        "of it reaches the pod."
    ),
    remedy=(
        "Remove other SecurityPolicies before the same routes; `manor apply` writes Manor's again."
    ),
    requires=(TWO_TENANTS, GATEWAYS, OWN_PROXIES, GATEWAY_SERVICE, KEYS, PROBE_IMAGE),
    run=_attack,
)
