"""IPv6 is no way round the policies."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off

CHECK = Check(
    id="MNR-NETWORK-010",
    title="Read the cloud's metadata over IPv6",
    guarantee="IPv6 is no way round the policies.",
    severity=Severity.HIGH,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "CVE-2020-10749 (class)",
    ),
    attempt="Asks the IPv6 metadata addresses of AWS and GCP and a link-local address.",
    expect=(
        "The connection is dropped by NetworkPolicy, or the policies let no packet pass and are "
        "seen to be enforced."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again."
    ),
    requires=(PROBE_IMAGE,),
    run=cut_off(
        {
            "AWS": Target("http", "fd00:ec2::254", 80),
            "GCP": Target("http", "fd20:ce::254", 80),
            "link-local": Target("tcp", "fe80::1", 80),
        },
        witness="free",
    ),
)
