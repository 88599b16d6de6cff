"""A tenant serves its own host names alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS
from manor.verify.mechanisms import policy
from manor.verify.objects import route
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ROUTES-001",
    title="Serve another tenant's host name",
    guarantee="A tenant serves its own host names alone.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "MTB: Tenant isolation",
        "Gateway API: Cross namespace routing",
        "CVE-2021-25748 (class)",
    ),
    attempt=(
        "Creates HTTPRoutes and a GRPCRoute with another tenant's host, a host below it, and the "
        "platform's domain."
    ),
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS,),
    run=refused(
        {
            "another's host": create(route(host="$other_host")),
            "another's and its own": create(route(hostnames=["$host", "$other_host"], host=None)),
            "below another's host": create(route(host="api.$other_host")),
            "the platform's domain": create(route(host="$domain")),
            "GRPCRoute": create(route("GRPCRoute", host="$other_host")),
        },
        by=policy("routes"),
        control=create(route()),
    ),
)
