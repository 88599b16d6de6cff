"""What is broken on a whole node, for the checks that make pods."""

from sabotages import FLOW, Sabotage, grant, group, network_policy, put, remove, rule, unbind

A, B = "verify-a", "verify-b"
"""The two tenants."""

ALL_NETWORK = {f"NETWORK-{number:03}" for number in range(1, 15)}
BETWEEN = {"from": [{"namespaceSelector": {"matchLabels": {"manor.dev/tenant": A}}}]}
OUTWARDS = {"to": [{"namespaceSelector": {"matchLabels": {"manor.dev/tenant": B}}}]}
PROXIES = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "envoy-gateway-system"}}
}

PROBES = [{"key": "manor.dev/probe", "operator": "Exists"}]
"""The routes that checks make."""

SABOTAGES = (
    Sabotage(
        "allow-all policies",
        (
            network_policy(A, ingress=[{}], egress=[{}]),
            network_policy(B, ingress=[{}], egress=[{}]),
        ),
        frozenset(ALL_NETWORK),
    ),
    Sabotage(
        "one way between the two",
        (network_policy(A, egress=[OUTWARDS]), network_policy(B, ingress=[BETWEEN])),
        frozenset(f"NETWORK-{number:03}" for number in range(1, 6)),
    ),
    Sabotage(
        "proxies reach every pod, and pods accept every proxy",
        (
            network_policy("envoy-gateway-system", egress=[{}]),
            network_policy(A, ingress=[{"from": [PROXIES]}]),
        ),
        frozenset({"ROUTES-015"}),
    ),
    Sabotage(
        "policies unbound, flow schemas gone, service accounts impersonate",
        (
            *(
                change
                for name in ("images", "pods", "gpu", "queues", "storage", "routes")
                for change in unbind(name)
            ),
            remove(FLOW, "FlowSchema", f"manor-{A}"),
            remove(FLOW, "FlowSchema", f"manor-{B}"),
            *grant(rule("", "users groups", "impersonate"), to=group("system:serviceaccounts")),
        ),
        frozenset({"FAIRNESS-004", "METADATA-014", "ROUTES-011", "ROUTES-012", "STORAGE-008"}),
    ),
    Sabotage(
        "a laxer policy that stood before each route first",
        tuple(
            put(
                {
                    "apiVersion": "gateway.envoyproxy.io/v1alpha1",
                    "kind": "SecurityPolicy",
                    "metadata": {"name": "sabotage", "namespace": namespace},
                    "spec": {
                        "targetSelectors": [{"kind": "HTTPRoute", "matchExpressions": PROBES}],
                        "authorization": {"defaultAction": "Allow"},
                    },
                }
            )
            for namespace in (A, B)
        ),
        # Whose key it is is not asked, and so is not counted.
        frozenset({"ROUTES-019", "ROUTES-020", "ROUTES-023"}),
    ),
    Sabotage(
        "a policy without limits that stood before each route first",
        tuple(
            put(
                {
                    "apiVersion": "gateway.envoyproxy.io/v1alpha1",
                    "kind": "BackendTrafficPolicy",
                    "metadata": {"name": "sabotage", "namespace": namespace},
                    "spec": {
                        "targetSelectors": [{"kind": "HTTPRoute", "matchExpressions": PROBES}],
                        "useClientProtocol": False,
                    },
                }
            )
            for namespace in (A, B)
        ),
        frozenset({"ROUTES-023"}),
    ),
    Sabotage("probes unbound", unbind("probes"), frozenset({"ADMISSION-014"})),
)
