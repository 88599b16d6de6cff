"""A tenant's route holds plain filters alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import GATEWAYS
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, route
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ROUTES-006",
    title="Configure the gateway by a filter",
    guarantee="A tenant's route holds plain filters alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Envoy Gateway: HTTPRouteFilter",
        "CVE-2021-25742 (class)",
    ),
    attempt="Creates an HTTPRoute with an ExtensionRef filter.",
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS,),
    run=refused(
        {
            "ExtensionRef": create(
                route(
                    rules=[
                        {
                            "backendRefs": [{"name": NAME, "port": 80}],
                            "filters": [
                                {
                                    "type": "ExtensionRef",
                                    "extensionRef": {
                                        "group": "gateway.envoyproxy.io",
                                        "kind": "HTTPRouteFilter",
                                        "name": "x",
                                    },
                                }
                            ],
                        }
                    ]
                )
            ),
        },
        by=policy("routes"),
        control=create(route()),
    ),
)
