"""Before the route of every Model that is not public stands what asks for its keys."""

import operator

from manor.api.keys import audience
from manor.api.wellknown import ENVOY_API, GATEWAY_API, SYSTEM_NAMESPACE
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import GATEWAYS, KEYED_MODELS
from manor.verify.findings import holds, seen
from manor.verify.keyed import BY
from manor.verify.objects import Object
from manor.verify.places import models_with_keys


def _targets(policy: Object) -> list[Object]:
    spec = policy["spec"]
    return [*spec.get("targetRefs", ()), *([spec["targetRef"]] if "targetRef" in spec else ())]


def _fault(policies: list[Object], namespace: str, name: str) -> str:
    """What is wrong with what stands before a route; empty where it asks for the keys of the Model
    of that name."""
    selecting = [p["metadata"]["name"] for p in policies if p["spec"].get("targetSelectors")]
    before = [p for p in policies if name in map(operator.itemgetter("name"), _targets(p))]
    if selecting:
        return f"{', '.join(selecting)} may stand before it"
    if len(before) != 1:
        return f"{len(before)} policies"
    jwt = before[0]["spec"].get("jwt") or {}
    lax = [word for word in ("optional", "failOpen") if jwt.get(word)]
    audiences = [provider.get("audiences") for provider in jwt.get("providers", ())]
    if lax or audiences != [[audience(namespace, name)]]:
        return f"{BY} {before[0]['metadata']['name']} asks for other keys {' '.join(lax)}".strip()
    return ""


async def _look(context: AttackContext) -> list[Attempt]:
    routes = await context.snapshot.all(GATEWAY_API, "HTTPRoute")
    there = {(route["metadata"]["namespace"], route["metadata"]["name"]) for route in routes}
    attempts = []
    for model in await models_with_keys(context):
        place = model["metadata"]["namespace"], model["metadata"]["name"]
        if place in there:
            policies = await context.snapshot.of(ENVOY_API, "SecurityPolicy", place[0])
            fault = _fault(policies, *place)
            what = f"the route of Model {'/'.join(place)}"
            attempts.append(holds(what, not fault, fault or "asks for its keys", BY))
    found = f"{len(attempts)} with a route"
    if context.platform.spec.gateway.isolation == "tenant":
        place = SYSTEM_NAMESPACE, context.attacker.name
        policies = await context.snapshot.of(ENVOY_API, "SecurityPolicy", SYSTEM_NAMESPACE)
        fault = _fault(policies, *place) if place in there else "no such route"
        what = "the proxy's closed route, by which it asks from the first Model's first request"
        attempts.append(holds(what, not fault, fault or "asks for a key that nobody has", BY))
    return [seen(f"Models of {context.attacker.name} that are not public", found), *attempts]


CHECK = Check(
    id="MNR-ROUTES-022",
    title="Find a model that asks for no key",
    guarantee="Every Model that is not public asks for keys to it.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=("OWASP API2:2023 Broken Authentication",),
    attempt="Looks at what stands before the route of each Model that is not public.",
    expect="One SecurityPolicy, which asks for keys of this very Model and lets nothing else in.",
    remedy="Remove other SecurityPolicies of the namespace; `manor apply` writes Manor's again.",
    requires=(GATEWAYS, KEYED_MODELS),
    run=_look,
)
