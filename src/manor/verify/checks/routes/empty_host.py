"""A route without host names serves those of its own Gateway, and attaches nowhere else."""

from typing import Any

from manor.api import wellknown
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS, TWO_TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import route
from manor.verify.requests import create

OTHERS: dict[str, Any] = {
    "parentRefs": [{"name": "$other_gateway", "namespace": "$other_gateway_namespace"}]
}
FRONT: dict[str, Any] = {"parentRefs": [{"name": wellknown.FRONT, "namespace": wellknown.FRONT}]}

CHECK = Check(
    id="MNR-ROUTES-003",
    title="Serve every host name by naming none",
    guarantee="A route without host names serves those of its own Gateway alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Gateway API: Hostname matching",),
    attempt=(
        "Creates routes without host names on another tenant's Gateway and on the front that "
        "all share."
    ),
    expect=(
        "Refused by the policy manor-routes, while the same route on the tenant's own Gateway "
        "is admitted."
    ),
    remedy="Bind the policy again (`manor apply`).",
    requires=(TWO_TENANTS, GATEWAYS),
    run=refused(
        {
            "HTTPRoute on another's Gateway": create(route(host=None, **OTHERS)),
            "HTTPRoute on the front": create(route(host=None, **FRONT)),
            "GRPCRoute on another's Gateway": create(route("GRPCRoute", host=None, **OTHERS)),
        },
        by=policy("routes"),
        control=create(route(host=None)),
    ),
)
