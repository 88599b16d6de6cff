"""A route leads to its own tenant's Services alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, route
from manor.verify.requests import create

OWN = {"name": NAME, "port": 80}
FOREIGN = {"name": "web", "namespace": "$other", "port": 80}

CHECK = Check(
    id="MNR-ROUTES-005",
    title="Lead traffic to another tenant's Service",
    guarantee="A route leads to its own tenant's Services alone.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2021-25740 (class)",
        "Gateway API: ReferenceGrant",
    ),
    attempt=(
        "Creates HTTPRoutes with a backend, a mirror and a backend's mirror in another tenant's "
        "namespace."
    ),
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS,),
    run=refused(
        {
            "a backend": create(route(rules=[{"backendRefs": [FOREIGN]}])),
            "a mirror": create(
                route(
                    rules=[
                        {
                            "backendRefs": [OWN],
                            "filters": [
                                {"type": "RequestMirror", "requestMirror": {"backendRef": FOREIGN}}
                            ],
                        }
                    ]
                )
            ),
            "a backend's mirror": create(
                route(
                    rules=[
                        {
                            "backendRefs": [
                                {
                                    **OWN,
                                    "filters": [
                                        {
                                            "type": "RequestMirror",
                                            "requestMirror": {"backendRef": FOREIGN},
                                        }
                                    ],
                                }
                            ]
                        }
                    ]
                )
            ),
            "a system Service": create(
                route(
                    rules=[
                        {
                            "backendRefs": [
                                {
                                    **FOREIGN,
                                    "name": "kubernetes",
                                    "namespace": "default",
                                    "port": 443,
                                }
                            ]
                        }
                    ]
                )
            ),
        },
        by=policy("routes"),
        control=create(route()),
    ),
)
