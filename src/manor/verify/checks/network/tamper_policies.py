"""NetworkPolicies of the platform stay, and one of a tenant's own opens nothing."""

from manor.api.wellknown import NAMESPACE_NAME_LABEL, NETWORKING_API, POLICY_DEFAULT_DENY
from manor.verify.attacks import all_of, refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import MANOR
from manor.verify.findings import tampering
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import Object, make, pod
from manor.verify.requests import create

ADDED = any_of(RBAC, policy("networkpolicies"))
BY = any_of(RBAC, policy("reserved"), policy("networkpolicies"))


def _policy(**rules: object) -> Object:
    return make(NETWORKING_API, "NetworkPolicy", spec={"podSelector": {}, **rules})


OTHERS = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: "$other"}}}
OPEN = {
    "everything": _policy(ingress=[{}], egress=[{}]),
    "another tenant": _policy(ingress=[{"from": [OTHERS]}]),
    "metadata addresses": _policy(egress=[{"to": [{"ipBlock": {"cidr": "169.254.0.0/16"}}]}]),
}

CHECK = Check(
    id="MNR-NETWORK-024",
    title="Open one's own NetworkPolicies",
    guarantee=(
        "No tenant changes the platform's NetworkPolicies, nor adds one that opens more "
        "than it may reach."
    ),
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.3.2",
        "MTB-PL1-BC-CPI-2: Block Multitenant Resources",
        "Kubernetes: Multi-tenancy, network isolation",
    ),
    attempt=(
        "Changes, replaces and deletes manor-default-deny in every way of writing; creates "
        "policies that open to "
        "everything, to another tenant and to metadata addresses."
    ),
    expect="403 from RBAC, or refused by the policies manor-reserved and manor-networkpolicies.",
    remedy="Take the right on networkpolicies from the role; bind the policy again.",
    requires=(MANOR,),
    run=all_of(
        tampering(
            NETWORKING_API,
            "NetworkPolicy",
            (POLICY_DEFAULT_DENY,),
            {"spec": {"egress": [{}], "ingress": [{}]}},
            by=BY,
        ),
        refused(
            {f"a policy open to {what}": create(obj) for what, obj in OPEN.items()},
            by=ADDED,
            control=create(pod()),
        ),
    ),
)
