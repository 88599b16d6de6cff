"""Pods reach the API server only where their tenant asks for it."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import NODES, PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

CHECK = Check(
    id="MNR-NETWORK-008",
    title="Reach the API server",
    guarantee="Pods reach the API server only where their tenant asks for it.",
    severity=Severity.MEDIUM,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
    ),
    attempt=(
        "Connects from a pod of the attacker to the Service `kubernetes` and to port 6443 of "
        "a node."
    ),
    expect=(
        "The connection is dropped by NetworkPolicy, while a pod in a namespace without policies "
        "gets another outcome. A pod of a tenant that asks for it (`network.apiServer`) reaches "
        "it, as the other pod does."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again. Where a tenant asks for it in vain: `network.apiServers` of the Platform "
        "are the addresses in `kubectl get endpointslices kubernetes`; Cilium matches them on "
        "nodes by `policy-cidr-match-mode: nodes` alone."
    ),
    requires=(NODES, PROBE_IMAGE),
    run=cut_off(
        {
            "its Service": Target("https", "$api_service", 443),
            "its own port": Target("tcp", "$node", 6443),
        },
        witness="free",
        promised=True,
    ),
)
