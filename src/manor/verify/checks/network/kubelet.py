"""No tenant's pod talks to a kubelet."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import NODES, PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

CHECK = Check(
    id="MNR-NETWORK-006",
    title="Reach the kubelet",
    guarantee="No tenant's pod talks to a kubelet.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=(
        "CIS 4.2.1",
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "CVE-2020-8558 (class)",
    ),
    attempt=(
        "Connects from a pod of the attacker to the kubelet's ports 10250, 10255 and 10248 "
        "on a node."
    ),
    expect=(
        "The connection is dropped by NetworkPolicy, while a pod in a namespace without policies "
        "gets another outcome."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again."
    ),
    requires=(NODES, PROBE_IMAGE),
    run=cut_off(
        {
            "its API": Target("tcp", "$node", 10250),
            "its read-only port": Target("tcp", "$node", 10255),
            "its health port": Target("tcp", "$node", 10248),
        },
        witness="free",
    ),
)
