"""A pod that asks for the node's user namespace is refused."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-031",
    title="Share the user IDs of the node",
    guarantee="A pod that asks for the node's user namespace is refused.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "KEP-127",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates a Pod with hostUsers: true.",
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "hostUsers: true": create(pod(hostUsers=True)),
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
