"""A route without host names is refused."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import route
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ROUTES-003",
    title="Serve every host name by naming none",
    guarantee="A route without host names is refused.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Gateway API: Hostname matching",),
    attempt="Creates routes without host names.",
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "HTTPRoute": create(route(host=None)),
            "an empty list": create(route(host=None, hostnames=[])),
            "GRPCRoute": create(route("GRPCRoute", host=None)),
        },
        by=policy("routes"),
        control=create(route()),
    ),
)
