"""An owner grants at most what it holds."""

from manor.api.wellknown import RBAC_GROUP
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import ESCALATION, RBAC, any_of, policy
from manor.verify.objects import role
from manor.verify.requests import create

CHECK = Check(
    id="MNR-RBAC-008",
    title="Write a Role with more rights than one has",
    guarantee="An owner grants at most what it holds.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.8",
        "Kubernetes: Privilege escalation prevention",
    ),
    attempt=(
        "Creates Roles in its own namespace with a wildcard, with Secrets' tokens, with "
        "`pods/proxy`, with "
        "quota and network policies."
    ),
    expect="403 from the API server's own escalation check, or from the RBAC guardrail.",
    remedy="Take `escalate` on roles and every wildcard from the tenant's roles.",
    run=refused(
        {
            "everything": create(role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})),
            "tokens": create(
                role(
                    {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}
                )
            ),
            "proxy": create(
                role({"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]})
            ),
            "quotas": create(
                role({"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["update"]})
            ),
            "network policies": create(
                role(
                    {
                        "apiGroups": ["networking.k8s.io"],
                        "resources": ["networkpolicies"],
                        "verbs": ["create"],
                    }
                )
            ),
            "escalate": create(
                role(
                    {
                        "apiGroups": [RBAC_GROUP],
                        "resources": ["roles"],
                        "verbs": ["escalate", "bind"],
                    }
                )
            ),
        },
        by=any_of(ESCALATION, policy("rbac"), RBAC),
        control=create(role({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]})),
    ),
)
