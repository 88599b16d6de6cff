"""Keys to models under attack: a route to a team's own pod that asks for keys as a Model's does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from manor.api.keys import ISSUER, KEY_HEADER, audience, key_set, limit_rules
from manor.api.wellknown import ENVOY_API, GATEWAY_GROUP, PROBE_LABEL
from manor.limits import limits
from manor.polling import poll_until
from manor.signing import Key, make_key
from manor.verify.attempt import Attempt, Undetermined, Verdict
from manor.verify.context import AttackContext
from manor.verify.findings import seen
from manor.verify.objects import Object, make, route
from manor.verify.probe.probe_pods import FREE, Outcome, Target
from manor.verify.probe.reach import place
from manor.verify.probe.script import TCP_PORT

BY = "SecurityPolicy"
BOUNDS = "BackendTrafficPolicy"
_REFUSED = ("HTTP/1.1 401", "HTTP/1.1 403")
_TOO_MANY = ("HTTP/1.1 429",)


@dataclass(frozen=True)
class Keyed:
    """A route of the victim's that asks for keys, and how it is asked from outside."""

    context: AttackContext
    name: str
    target: Target

    @classmethod
    async def made(
        cls,
        context: AttackContext,
        name: str,
        keys: Sequence[Key],
        often: Mapping[str, int] | None = None,
    ) -> "Keyed":
        """One of this name that takes these keys, and answers the first of them; those of these
        names, so often a minute. Raises Undetermined where it does not."""
        settings, victim = context.platform.spec.gateway, context.victim
        await context.probes.running(victim, "server")
        await context.client.create(_policy(victim.namespace, name, keys))
        if often:
            await context.client.create(_limits(victim.namespace, name, often))
        await context.client.create(context.fill(_route(context, name)))
        kind = "https" if settings.tls_secret else "http"
        host = (("Host", context.fill("$other_host").replace("*", name)),)
        target = await place(context, Target(kind, "$proxy", settings.port, f"/{name}/own", host))
        keyed = cls(context, name, target)
        bounds, token = limits().verify, keys[0].token
        outcome = await poll_until(
            keyed.answered, partial(keyed.ask, token), timeout=bounds.answers, interval=bounds.poll
        )
        if not keyed.answered(outcome):
            raise Undetermined(f"no answer to a key of it after {bounds.answers:g} s: {outcome}")
        return keyed

    async def ask(self, token: str = "", *headers: tuple[str, str], query: str = "") -> Outcome:
        """What a request with this key comes to."""
        bearer = (("Authorization", f"Bearer {token}"),) if token else ()
        asked = replace(
            self.target,
            path=f"{self.target.path}{query}",
            headers=(*self.target.headers, *bearer, *headers),
        )
        (outcome,) = await self.context.probes.probe(FREE, [asked])
        return outcome

    def answered(self, outcome: Outcome) -> bool:
        """Whether the victim's pod answered."""
        return f"{self.context.victim.name} server" in outcome.detail

    @property
    def control(self) -> Attempt:
        """That who has a key is answered."""
        return seen(f"{self.target} with a key of the model", "the pod's own answer")

    def judge(self, what: str, outcomes: Iterable[Outcome]) -> Attempt:
        """What requests that must be refused came to."""
        return self._judge(what, list(outcomes), 0, _REFUSED, BY)

    def judge_often(self, what: str, outcomes: Iterable[Outcome], most: int) -> Attempt:
        """What more requests than `most` with one key came to."""
        return self._judge(what, list(outcomes), most, _TOO_MANY, BOUNDS)

    def _judge(
        self, what: str, outcomes: list[Outcome], most: int, refused: tuple[str, ...], by: str
    ) -> Attempt:
        passed = [one for one in outcomes if self.answered(one)]
        if len(passed) > most:
            return Attempt(what, Verdict.BROKEN, str(passed[-1])[:300])
        stopped = [one for one in outcomes if not self.answered(one)]
        odd = [one for one in stopped if not one.detail.startswith(refused)]
        if odd:
            return Attempt(what, Verdict.ERROR, f"neither answered nor refused: {odd[0]}"[:300])
        return Attempt(what, Verdict.HELD, str(stopped[0])[:300], by)

    async def take(self, keys: Sequence[Key]) -> None:
        """Let it take these keys alone."""
        space = self.context.victim.namespace
        spec = _policy(space, self.name, keys)["spec"]
        await self.context.client.patch(
            ENVOY_API, "SecurityPolicy", self.name, {"spec": spec}, namespace=space
        )


def name_of(context: AttackContext, suffix: str) -> str:
    """The name of a route that is made for this attack alone."""
    return f"{context.probes.run}-{suffix}-{context.attacker.name}"[:63].rstrip("-")


def key_to(context: AttackContext, model: str, name: str, *, ended: bool = False) -> Key:
    """A key to a model of the victim's, that holds for an hour, or has ended an hour ago."""
    hours = timedelta(hours=-1 if ended else 1)
    return make_key(context.victim.namespace, model, name, datetime.now(UTC) + hours)


def _policy(namespace: str, name: str, keys: Sequence[Key]) -> Object:
    """As it stands before a Model's route."""
    provider: dict[str, Any] = {
        "name": "manor",
        "issuer": ISSUER,
        "audiences": [audience(namespace, name)],
        "claimToHeaders": [{"claim": "sub", "header": KEY_HEADER}],
        "extractFrom": {"headers": [{"name": "Authorization", "valuePrefix": "Bearer "}]},
        "localJWKS": {
            "type": "Inline",
            "inline": key_set((key.public.name, key.public.public_key) for key in keys),
        },
    }
    return _before(namespace, name, BY, jwt={"providers": [provider]})


def _limits(namespace: str, name: str, often: Mapping[str, int]) -> Object:
    """As it bounds the keys of a Model."""
    rules = {"rules": limit_rules(often)}
    return _before(namespace, name, BOUNDS, rateLimit={"local": rules})


def _before(namespace: str, name: str, kind: str, **says: Any) -> Object:
    target = {"group": GATEWAY_GROUP, "kind": "HTTPRoute", "name": name}
    meta = {"labels": {PROBE_LABEL: name}}
    return make(ENVOY_API, kind, namespace, name, meta=meta, spec={"targetRefs": [target], **says})


def _route(context: AttackContext, name: str) -> Object:
    """To the victim's own pod, half of it as a canary's requests."""
    backend = {"name": f"{context.probes.run}-server", "port": TCP_PORT, "weight": 50}
    rule = {"matches": [{"path": {"value": f"/{name}"}}], "backendRefs": [backend, backend]}
    parent = {"name": "$other_gateway", "namespace": "$other_gateway_namespace"}
    made = route(host="$other_host", parentRefs=[parent], rules=[rule])
    made["metadata"] |= {
        "name": name,
        "namespace": context.victim.namespace,
        "labels": {PROBE_LABEL: name},
    }
    return made
