"""An owner grants at most what it holds."""

from manor.api.wellknown import RBAC_GROUP
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import ESCALATION, RBAC, any_of, policy
from manor.verify.objects import role
from manor.verify.requests import Request, create


async def _roles(context: AttackContext) -> dict[str, Request]:
    roles = {
        "everything": create(role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})),
        "tokens": create(
            role({"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]})
        ),
        "proxy": create(role({"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]})),
        "quotas": create(
            role({"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["update"]})
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
    }
    platform = context.tenancy.platform
    if platform is None or not platform.spec.network.tenant_policies:  # otherwise an owner holds it
        rights = {
            "apiGroups": ["networking.k8s.io"],
            "resources": ["networkpolicies"],
            "verbs": ["create"],
        }
        roles["network policies"] = create(role(rights))
    return roles


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
        "quota, and network policies unless the Platform lets teams write them."
    ),
    expect="403 from the API server's own escalation check, or from the RBAC guardrail.",
    remedy="Take `escalate` on roles and every wildcard from the tenant's roles.",
    run=refused(
        _roles,
        by=any_of(ESCALATION, policy("rbac"), RBAC),
        control=create(role({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]})),
    ),
)
