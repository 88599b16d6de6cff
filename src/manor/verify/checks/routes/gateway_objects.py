"""Gateways, their classes, listener sets, reference grants and backend policies are the
platform's.

SecurityPolicies, BackendTrafficPolicies and EnvoyExtensionPolicies have checks of their own
(MNR-ROUTES-021, 024, 025).
"""

from manor.api.wellknown import GATEWAY_GROUP, SYSTEM_NAMESPACE
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-ROUTES-009",
    title="Make Gateways, listeners and grants",
    guarantee=(
        "Gateways, their classes, listener sets, reference grants and backend policies are the "
        "platform's."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "Gateway API: ReferenceGrant",
        "kserve/kserve#2197 (class)",
    ),
    attempt=(
        "Asks to create and change Gateways, GatewayClasses, ListenerSets, ReferenceGrants, "
        "BackendTLSPolicies, TCP, UDP and TLS routes at home and elsewhere, and Envoy Gateway's "
        "own kinds."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Take the right from the role.",
    run=no_access(
        Access("create update patch delete", "gatewayclasses", GATEWAY_GROUP, None),
        *(
            Access("create update patch delete", resource, GATEWAY_GROUP, namespace)
            for namespace in ("$own", "$other", SYSTEM_NAMESPACE)
            for resource in (
                "gateways",
                "listenersets",
                "referencegrants",
                "tcproutes",
                "udproutes",
                "tlsroutes",
            )
        ),
        *(
            Access("create update patch", resource, "gateway.envoyproxy.io", "$own")
            for resource in (
                "envoypatchpolicies",
                "httproutefilters",
            )
        ),
    ),
)
