"""No tenant's pod reaches a cloud's metadata address, where node credentials are."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

CHECK = Check(
    id="MNR-NETWORK-009",
    title="Read the cloud's metadata",
    guarantee="No tenant's pod reaches a cloud's metadata address, where node credentials are.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "GKE: Protecting cluster metadata",
    ),
    attempt=(
        "Asks the metadata addresses of AWS, GCP, Azure and Alibaba over HTTP from a pod of the "
        "attacker."
    ),
    expect=(
        "The connection is dropped by NetworkPolicy: a free pod gets another outcome, or, where "
        "nothing "
        "answers at the address, the policies let no packet pass and are seen to be enforced."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again."
    ),
    requires=(PROBE_IMAGE,),
    run=cut_off(
        {
            "AWS, GCP, Azure": Target("http", "169.254.169.254", 80),
            "GCP, its other port": Target("tcp", "169.254.169.254", 988),
            "AWS, tasks": Target("http", "169.254.170.2", 80),
            "AWS, pod identity": Target("http", "169.254.170.23", 80),
            "Alibaba": Target("http", "100.100.100.200", 80),
        },
        witness="free",
    ),
)
