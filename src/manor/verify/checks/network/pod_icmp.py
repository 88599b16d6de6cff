"""Policies hold for ICMP as for TCP."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

CHECK = Check(
    id="MNR-NETWORK-003",
    title="Ping another tenant's Pod",
    guarantee="Policies hold for ICMP as for TCP.",
    severity=Severity.MEDIUM,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
    ),
    attempt="Sends ICMP echo requests from a pod of the attacker to a pod of the victim.",
    expect=(
        "The connection is dropped by NetworkPolicy, while the victim's own pod reaches the target."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again."
    ),
    requires=(PROBE_IMAGE,),
    run=cut_off(
        {
            "ICMP": Target("icmp", "$other_pod"),
        },
        witness="victim",
    ),
)
