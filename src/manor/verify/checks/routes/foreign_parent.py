"""A route hangs on its own tenant's Gateway alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS, TWO_TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import route
from manor.verify.requests import create

PARENT = {"name": "$gateway", "namespace": "$gateway_namespace"}

CHECK = Check(
    id="MNR-ROUTES-004",
    title="Attach to another tenant's Gateway",
    guarantee="A route hangs on its own tenant's Gateway alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Gateway API: Cross namespace routing",
        "kserve/kserve#2197 (class)",
    ),
    attempt=(
        "Creates HTTPRoutes that name another tenant's Gateway, a cluster-wide one, another's "
        "Service, or none."
    ),
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TWO_TENANTS, GATEWAYS),
    run=refused(
        {
            "another's Gateway": create(
                route(
                    parentRefs=[{"name": "$other_gateway", "namespace": "$other_gateway_namespace"}]
                )
            ),
            "both": create(
                route(
                    parentRefs=[
                        PARENT,
                        {"name": "$other_gateway", "namespace": "$other_gateway_namespace"},
                    ]
                )
            ),
            "a Gateway elsewhere": create(
                route(
                    parentRefs=[{"name": "knative-local-gateway", "namespace": "knative-serving"}]
                )
            ),
            "a Service (mesh)": create(
                route(
                    parentRefs=[
                        {"group": "", "kind": "Service", "name": "web", "namespace": "$other"}
                    ]
                )
            ),
            "none": create(route(parentRefs=[])),
        },
        by=policy("routes"),
        control=create(route()),
    ),
)
