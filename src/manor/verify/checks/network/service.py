"""A Service's address is no way round the policies."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off
from manor.verify.probe.script import TCP_PORT, UDP_PORT

CHECK = Check(
    id="MNR-NETWORK-004",
    title="Connect to another tenant's Service",
    guarantee="A Service's address is no way round the policies.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=(
        "CVE-2023-48022 (class)",
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "kubeflow/kubeflow#5588 (class)",
    ),
    attempt=(
        "Connects from a pod of the attacker to the cluster address of the victim's Service, "
        "over TCP and UDP."
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
            "by address": Target("tcp", "$other_service", TCP_PORT),
            "UDP": Target("udp", "$other_service", UDP_PORT),
        },
        witness="victim",
    ),
)
