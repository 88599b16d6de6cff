"""No tenant's pod talks to etcd."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import NODES, PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

CHECK = Check(
    id="MNR-NETWORK-007",
    title="Reach etcd",
    guarantee="No tenant's pod talks to etcd.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=(
        "CIS 2.1",
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
    ),
    attempt="Connects from a pod of the attacker to ports 2379 and 2380 of a node.",
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
            "clients": Target("tcp", "$node", 2379),
            "peers": Target("tcp", "$node", 2380),
        },
        witness="free",
    ),
)
