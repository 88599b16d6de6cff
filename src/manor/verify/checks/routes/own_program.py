"""What a proxy runs for a team has one form."""

from typing import Any

from manor.api.keys import token_programs
from manor.api.wellknown import ENVOY_API, GATEWAY_GROUP
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS, KEYS
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, make
from manor.verify.requests import Request, create

_TARGET = {"group": GATEWAY_GROUP, "kind": "HTTPRoute", "name": NAME}
_PROGRAM = "function envoy_on_request(handle) handle:headers():get('authorization') end"
_MODULE = {
    "name": "own",
    "code": {"type": "HTTP", "http": {"url": "https://own.example/own.wasm"}},
}


def _policy(target: str = NAME, **says: Any) -> Request:
    spec = {"targetRefs": [{**_TARGET, "name": target}], **says}
    return create(make(ENVOY_API, "EnvoyExtensionPolicy", spec=spec))


def _lua(program: str) -> list[dict[str, str]]:
    return [{"type": "Inline", "inline": program}]


CHECK = Check(
    id="MNR-ROUTES-025",
    title="Run a program in a proxy",
    guarantee=(
        "No program of a team's runs in a proxy, nor in the controller that all teams' proxies "
        "share, which tries such programs."
    ),
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=("GHSA-xrwg-mqj6-6m22 (class)", "Envoy Gateway: EnvoyExtensionPolicy"),
    attempt=(
        "Creates EnvoyExtensionPolicies with a Lua program, a Wasm module and a server that is "
        "asked about each request."
    ),
    expect="Refused by the policy manor-tokens.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS, KEYS),
    run=refused(
        {
            "a Lua program": _policy(lua=_lua(_PROGRAM)),
            "a Lua program before another route": _policy("other", lua=_lua(_PROGRAM)),
            "a Wasm module": _policy(wasm=[_MODULE]),
            "a server that is asked": _policy(
                extProc=[{"backendRefs": [{"name": "own", "port": 9000}]}]
            ),
        },
        by=policy("tokens"),
        control=_policy(lua=token_programs({"own": 60})),
    ),
)
