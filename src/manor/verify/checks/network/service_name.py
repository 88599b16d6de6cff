"""Knowing a name opens nothing."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off
from manor.verify.probe.script import TCP_PORT

CHECK = Check(
    id="MNR-NETWORK-005",
    title="Connect to another tenant's Service by name",
    guarantee="Knowing a name opens nothing.",
    severity=Severity.HIGH,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "kserve/kserve#2197 (class)",
    ),
    attempt="Resolves the name of the victim's Service and asks it over HTTP.",
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
            "by name": Target("http", "$other_name", TCP_PORT),
        },
        witness="victim",
    ),
)
