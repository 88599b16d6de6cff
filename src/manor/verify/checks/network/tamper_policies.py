"""NetworkPolicies are the platform's alone: a tenant can neither change them nor add one."""

from manor.verify.attacks import all_of, refused
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import tampering
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import make, pod
from manor.verify.requests import create

BY = any_of(RBAC, policy("reserved"))
OPEN = make("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "ingress": [{}], "egress": [{}]})

CHECK = Check(
    id="MNR-NETWORK-024",
    title="Open one's own NetworkPolicies",
    guarantee="NetworkPolicies are the platform's alone: a tenant can neither change them nor add one.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.3.2",
        "MTB-PL1-BC-CPI-2: Block Multitenant Resources",
        "Kubernetes: Multi-tenancy, network isolation",
    ),
    attempt=("Changes, replaces and deletes manor-default-deny in every way of writing; creates an allow-all policy."),
    expect="403 from RBAC, or refused by the policy manor-reserved.",
    remedy="Take the right on networkpolicies from the role; bind the policy again.",
    run=all_of(
        tampering(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            ("manor-default-deny",),
            {"spec": {"egress": [{}], "ingress": [{}]}},
            by=BY,
        ),
        refused({"an allow-all policy": create(OPEN)}, by=BY, control=create(pod())),
    ),
)
