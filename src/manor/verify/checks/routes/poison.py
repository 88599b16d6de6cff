"""No route holds what a proxy or its controller refuses whole, or what a proxy takes
for a command."""

from collections.abc import Mapping
from typing import Any

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, route
from manor.verify.requests import Request, create

Object = dict[str, Any]


def _rule(kind: str = "HTTPRoute", **rule: Any) -> Request:
    return create(route(kind, rules=[{"backendRefs": [{"name": NAME, "port": 80}], **rule}]))


def _regex(value: str) -> Object:
    return {"type": "RegularExpression", "value": value}


def _rewrite(path: str) -> Object:
    return {
        "type": "URLRewrite",
        "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": path}},
    }


def _header(value: str, where: str = "Request", times: int = 1) -> Object:
    change = {"set": [{"name": f"X-Verify-{number}", "value": value} for number in range(times)]}
    return {"type": f"{where}HeaderModifier", f"{where.lower()}HeaderModifier": change}


FOREIGN = r"\p{Letter}"
"""Go compiles it, RE2 does not."""

ATTACKS: Mapping[str, Request] = {
    "a path that RE2 refuses": _rule(matches=[{"path": _regex("/" + FOREIGN)}]),
    "a path of a large program": _rule(matches=[{"path": _regex("/" + "[^a]{1000}" * 20)}]),
    "a header that RE2 refuses": _rule(
        matches=[{"headers": [{"name": "X-Verify", **_regex(FOREIGN)}]}]
    ),
    "a query that RE2 refuses": _rule(
        matches=[{"queryParams": [{"name": "q", **_regex(FOREIGN)}]}]
    ),
    "a gRPC method that RE2 refuses": _rule(
        "GRPCRoute",
        matches=[{"method": {"type": "RegularExpression", "service": "a", "method": FOREIGN}}],
    ),
    "a line break in a rewrite": _rule(filters=[_rewrite("/a\nb")]),
    "a reference in a rewrite": _rule(filters=[_rewrite(r"/a\9")]),
    "a lone % in a header": _rule(filters=[_header("100%")]),
    "a lone % in a response": _rule(filters=[_header("100%", "Response")]),
    "a lone % in a gRPC header": _rule("GRPCRoute", filters=[_header("100%")]),
    "the proxy's environment": _rule(filters=[_header("%ENVIRONMENT(PATH)%")]),
    "a line break in a header": _rule(filters=[_header("a\r\nb: c")]),
    "a large route": _rule(filters=[_header("a" * 2000, times=16)]),
}

CHECK = Check(
    id="MNR-ROUTES-013",
    title="Poison the configuration of a proxy",
    guarantee=(
        "A route holds nothing that a proxy or its controller refuses whole, nor a command "
        "to the proxy."
    ),
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Envoy: RDS update_rejected", "Envoy: command operators in header values"),
    attempt=(
        "Creates routes with regular expressions that RE2 does not compile, control characters, "
        "a lone % and "
        "%ENVIRONMENT(…)% in headers, and far too much text."
    ),
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS,),
    run=refused(
        ATTACKS,
        by=policy("routes"),
        control={
            "an ordinary regular expression": _rule(
                matches=[{"path": _regex("/v[12]/[a-z0-9-]+")}]
            ),
            "ordinary filters": _rule(filters=[_rewrite("/a"), _header("100%%")]),
        },
    ),
)
