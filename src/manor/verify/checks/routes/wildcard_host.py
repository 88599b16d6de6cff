"""No wildcard covers another tenant's host."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS
from manor.verify.mechanisms import policy
from manor.verify.objects import route
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ROUTES-002",
    title="Serve everyone's host names by a wildcard",
    guarantee="No wildcard covers another tenant's host.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=("Gateway API: Hostname matching",),
    attempt="Creates HTTPRoutes with wildcards over the platform's domain and over another's host.",
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS,),
    run=refused(
        {
            "of the platform": create(route(host="*.$domain")),
            "of everything": create(route(host="*.com")),
            "below another's": create(route(host="*.$other_host")),
        },
        by=policy("routes"),
        control=create(route()),
    ),
)
