"""No tenant's pod connects to a node."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import NODES, PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

CHECK = Check(
    id="MNR-NETWORK-011",
    title="Reach a node's own services",
    guarantee="No tenant's pod connects to a node.",
    severity=Severity.HIGH,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "CVE-2020-8558 (class)",
    ),
    attempt=(
        "Connects from a pod of the attacker to ssh, kube-proxy, controller manager, scheduler "
        "and CNI ports "
        "of a node, and pings it."
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
            "ssh": Target("tcp", "$node", 22),
            "kube-proxy": Target("tcp", "$node", 10256),
            "controller manager": Target("tcp", "$node", 10257),
            "scheduler": Target("tcp", "$node", 10259),
            "Cilium": Target("tcp", "$node", 9879),
            "ping": Target("icmp", "$node"),
        },
        witness="free",
    ),
)
