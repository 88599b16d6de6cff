"""A pod's names come from the cluster's DNS."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-028",
    title="Forge names in /etc/hosts",
    guarantee="A pod's names come from the cluster's DNS.",
    severity=Severity.LOW,
    level=Level.DRY_RUN,
    references=("NSA/CISA: Kubernetes Pod security",),
    attempt="Creates a Pod with hostAliases.",
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "hostAliases": create(
                pod(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["kubernetes.default.svc"]}])
            )
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
