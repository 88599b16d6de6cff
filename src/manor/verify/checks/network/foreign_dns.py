"""Pods ask no DNS server but the cluster's."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import NODES, PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

QUERY = "4d56010000010000000000000a6b756265726e65746573076578616d706c650000010001"
"""A DNS query for kubernetes.example, type A."""

CHECK = Check(
    id="MNR-NETWORK-012",
    title="Ask a foreign DNS server",
    guarantee=(
        "Pods ask no DNS server but the cluster's; what that one forwards to others is its "
        "own configuration."
    ),
    severity=Severity.MEDIUM,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
    ),
    attempt="Asks 8.8.8.8, 1.1.1.1 and a node on port 53.",
    expect=(
        "The connection is dropped by NetworkPolicy, or the policies let no packet pass and are "
        "seen to be enforced."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again."
    ),
    requires=(NODES, PROBE_IMAGE),
    run=cut_off(
        {
            "Google": Target("udp", "8.8.8.8", 53, send=QUERY),
            "Cloudflare over TCP": Target("tcp", "1.1.1.1", 53),
            "a node": Target("udp", "$node", 53, send=QUERY),
        },
        witness="free",
    ),
)
