"""A key opens the one model that it was made for, until it ends or is revoked."""

import asyncio
import base64
import json
from functools import partial

from manor.api.keys import claims
from manor.limits import limits
from manor.polling import poll_until
from manor.signing import make_key
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


def _unsigned(namespace: str, model: str) -> str:
    """A token that says itself that nobody signed it."""
    parts = ({"alg": "none", "kid": "own"}, claims(namespace, model, "own", 0, None))
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return f"{b'.'.join(encoded).decode()}."


async def _attack(context: AttackContext) -> list[Attempt]:
    name, space = name_of(context, "key"), context.victim.namespace
    own, revoked = (key_to(context, name, key) for key in ("own", "revoked"))
    ended = key_to(context, name, "ended", ended=True)
    beside = key_to(context, "another", "beside")
    theirs = make_key(context.attacker.namespace, name, "theirs", None)
    # The gateway knows their public halves: what refuses them is what the tokens say.
    known = [own, revoked, ended, beside, theirs]
    keyed = await Keyed.made(context, name, known)
    tokens = {
        f"a key of {context.attacker.name} to a model of the same name": theirs.token,
        "a key to another model of the same team": beside.token,
        "a key that has ended": ended.token,
        "a key of a known name that nobody gave out": key_to(context, name, "own").token,
        "a key that nobody signed": _unsigned(space, name),
    }
    outcomes = await asyncio.gather(*(keyed.ask(token) for token in tokens.values()))
    attempts = [keyed.judge(what, [one]) for what, one in zip(tokens, outcomes, strict=True)]
    await keyed.take([key for key in known if key is not revoked])
    bounds = limits().verify
    last = await poll_until(
        lambda outcome: not keyed.answered(outcome),
        partial(keyed.ask, revoked.token),
        timeout=bounds.answers,
        interval=bounds.poll,
    )
    return [keyed.control, *attempts, keyed.judge("a key that was revoked", [last])]


CHECK = Check(
    id="MNR-ROUTES-020",
    title="Ask a model with a key of another",
    guarantee="A key opens the one Model that it was made for, until it ends or is revoked.",
    severity=Severity.HIGH,
    level=Level.LIVE,
    references=("OWASP API2:2023 Broken Authentication", "RFC 8725"),
    attempt=(
        "Makes a route of the victim's that asks for keys as a Model's does, and asks it with keys "
        "of another team and of another model, with one that has ended, was revoked, or was never "
        "given out, and with one that nobody signed."
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
