"""What asks for a Model's keys has one form."""

from typing import Any

from manor.api.keys import ISSUER, KEY_HEADER, NOBODY, audience, key_set
from manor.api.wellknown import ENVOY_API, GATEWAY_GROUP
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS, KEYS
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, make
from manor.verify.requests import Request, create

_TARGET = {"group": GATEWAY_GROUP, "kind": "HTTPRoute", "name": NAME}
_PROVIDER = {
    "name": "manor",
    "issuer": ISSUER,
    "audiences": [audience("$own", NAME)],
    "claimToHeaders": [{"claim": "sub", "header": KEY_HEADER}],
    "extractFrom": {"headers": [{"name": "Authorization", "valuePrefix": "Bearer "}]},
    "localJWKS": {"type": "Inline", "inline": key_set([("own", NOBODY)])},
}


def _policy(target: Any = None, **jwt: Any) -> Request:
    spec = {"targetRefs": [{**_TARGET, **(target or {})}], "jwt": {"providers": [_PROVIDER], **jwt}}
    return create(make(ENVOY_API, "SecurityPolicy", spec=spec))


def _other(**spec: Any) -> Request:
    body = {"targetRefs": [_TARGET], "jwt": {"providers": [_PROVIDER]}, **spec}
    kept = {key: value for key, value in body.items() if value is not None}
    return create(make(ENVOY_API, "SecurityPolicy", spec=kept))


_SERVER = {"uri": "http://169.254.169.254/latest/meta-data"}
_REMOTE = [{**{k: v for k, v in _PROVIDER.items() if k != "localJWKS"}, "remoteJWKS": _SERVER}]
_SELECTOR = {"kind": "HTTPRoute", "matchLabels": {"app.kubernetes.io/component": "model"}}

CHECK = Check(
    id="MNR-ROUTES-021",
    title="Put a weaker policy before a model's route",
    guarantee=(
        "What asks for a Model's keys has one form: one before each route, for the Model of its "
        "name alone."
    ),
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Envoy Gateway: SecurityPolicy precedence", "CWE-918 (class)"),
    attempt=(
        "Creates SecurityPolicies that let requests without a key through, stand before another "
        "route or all of a label, name the tenant's Gateway, or ask a server for keys or consent."
    ),
    expect="Refused by the policy manor-keys.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS, KEYS),
    run=refused(
        {
            "lets a request without a key through": _policy(failOpen=True),
            "before another route": _policy({"name": "other"}),
            "before the tenant's Gateway": _policy({"kind": "Gateway", "name": "$gateway"}),
            "before every route of a label": _other(targetSelectors=[_SELECTOR], targetRefs=None),
            "asks a server for keys": _policy(providers=_REMOTE),
            "lets everybody through": _other(authorization={"defaultAction": "Allow"}),
            "asks a Service of another tenant": _other(
                extAuth={
                    "http": {"backendRefs": [{"name": NAME, "namespace": "$other", "port": 80}]}
                }
            ),
        },
        by=policy("keys"),
        control=_policy(),
    ),
)
