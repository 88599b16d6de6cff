"""Policies hold for UDP as for TCP."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off
from manor.verify.probe.script import UDP_PORT

CHECK = Check(
    id="MNR-NETWORK-002",
    title="Send datagrams to another tenant's Pod",
    guarantee="Policies hold for UDP as for TCP.",
    severity=Severity.HIGH,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
    ),
    attempt=(
        "Sends UDP datagrams from a pod of the attacker to a pod of the victim and waits for "
        "the echo."
    ),
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
            "UDP": Target("udp", "$other_pod", UDP_PORT),
        },
        witness="victim",
    ),
)
