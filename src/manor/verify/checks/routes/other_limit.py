"""What bounds how often a Model's keys ask has one form."""

from typing import Any

from manor.api.keys import limit_rules
from manor.api.wellknown import ENVOY_API, GATEWAY_GROUP
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS, KEYS
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, make
from manor.verify.requests import Request, create

_TARGET = {"group": GATEWAY_GROUP, "kind": "HTTPRoute", "name": NAME}
_RULES = limit_rules({"own": 60})
_SELECTOR = {"kind": "HTTPRoute", "matchLabels": {"app.kubernetes.io/component": "model"}}
_ANSWER = {
    "match": {"statusCodes": [{"type": "Value", "value": 401}]},
    "response": {"statusCode": 200},
}


def _policy(*rules: Any, target: Any = None, **says: Any) -> Request:
    spec = {
        "targetRefs": [{**_TARGET, **(target or {})}],
        "rateLimit": {"local": {"rules": rules or _RULES}},
        **says,
    }
    kept = {key: value for key, value in spec.items() if value is not None}
    return create(make(ENVOY_API, "BackendTrafficPolicy", spec=kept))


CHECK = Check(
    id="MNR-ROUTES-024",
    title="Tell the proxy more than how often keys may ask",
    guarantee=(
        "A team tells its proxy how often the keys of a Model may ask, and that requests wait for "
        "it within bounds of Manor's, and nothing else of how it works."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("Envoy Gateway: BackendTrafficPolicy precedence", "CWE-770 (class)"),
    attempt=(
        "Creates BackendTrafficPolicies that retry, hold requests, break them or answer in the "
        "place of a server, name the tenant's Gateway, another route or all of a label, or count "
        "by what a client writes."
    ),
    expect="Refused by the policy manor-limits.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS, KEYS),
    run=refused(
        {
            "retries without end": _policy(retry={"numRetries": 1_000_000}),
            "holds what it is sent": _policy(requestBuffer={"limit": "1Ti"}),
            "breaks requests": _policy(faultInjection={"delay": {"fixedDelay": "1h"}}),
            "answers in the place of a server": _policy(responseOverride=[_ANSWER]),
            "before the tenant's Gateway": _policy(target={"kind": "Gateway", "name": "$gateway"}),
            "before another route": _policy(target={"name": "other"}),
            "before every route of a label": _policy(targetSelectors=[_SELECTOR], targetRefs=None),
            "bounds everybody": _policy({"limit": {"requests": 0, "unit": "Year"}}),
            "counts what a client writes": _policy(
                {
                    **_RULES[0],
                    "clientSelectors": [{"headers": [{"name": "X-Client", "type": "Distinct"}]}],
                }
            ),
        },
        by=policy("limits"),
        control=_policy(),
    ),
)
