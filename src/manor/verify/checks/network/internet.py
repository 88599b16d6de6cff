"""Egress is closed unless the tenant's spec opens it."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

CHECK = Check(
    id="MNR-NETWORK-013",
    title="Reach the internet unasked",
    guarantee="Egress is closed unless the tenant's spec opens it.",
    severity=Severity.MEDIUM,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "MTB: Network isolation",
    ),
    attempt="Connects to addresses on the internet from a pod of the attacker.",
    expect=(
        "The connection is dropped by NetworkPolicy, or the policies let no packet pass and are "
        "seen to be "
        "enforced. Of a tenant that asked for the internet it is told that it did."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again."
    ),
    requires=(PROBE_IMAGE,),
    run=cut_off(
        {
            "HTTPS": Target("tcp", "93.184.215.14", 443),
            "IPv6": Target("tcp", "2606:4700:4700::1111", 443),
        },
        witness="free",
    ),
)
