"""No TCP connection leads from one tenant's pods to another's."""

from manor.verify.check import Check, Level, Severity
from manor.verify.features import PROBE_IMAGE
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off
from manor.verify.probe.script import TCP_PORT

NOTEBOOK = 8888
"""Where JupyterLab listens in a Workspace; whether anything does in the victim's pod or not."""

CHECK = Check(
    id="MNR-NETWORK-001",
    title="Connect to another tenant's Pod",
    guarantee="No TCP connection leads from one tenant's pods to another's.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=(
        "CVE-2023-48022 (class)",
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "MTB: Network isolation",
    ),
    attempt="Connects from a pod of the attacker to a pod of the victim by address.",
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
            "TCP": Target("tcp", "$other_pod", TCP_PORT),
            "a notebook": Target("tcp", "$other_pod", NOTEBOOK),
        },
        witness="victim",
    ),
)
