"""An owner grants roles to members of its tenant alone."""

from manor.verify.attacks import refused
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import policy
from manor.verify.objects import group, role_binding, service_account, user
from manor.verify.requests import create


async def _attack(context: AttackContext) -> list[Attempt]:
    member = context.attacker.actor.subject
    bind = refused(
        {
            "another tenant's user": create(role_binding(user("$other_user"))),
            "a stranger": create(role_binding(user("manor-verify-stranger"))),
            "another tenant's service account": create(
                role_binding(service_account("default", "$other"))
            ),
            "a system service account": create(
                role_binding(service_account("default", "kube-system"))
            ),
            "everyone": create(role_binding(group("system:authenticated"))),
            "anonymous": create(role_binding(group("system:unauthenticated"))),
            "anonymous by name": create(role_binding(user("system:anonymous"))),
            "every service account": create(role_binding(group("system:serviceaccounts"))),
            "another tenant's service accounts": create(
                role_binding(group("system:serviceaccounts:$other"))
            ),
            "nodes": create(role_binding(group("system:nodes"))),
            "a member and a stranger": create(role_binding(member, user("manor-verify-stranger"))),
        },
        by=policy("rbac"),
        control={
            "a member": create(role_binding(member)),
            "a service account of its own": create(
                role_binding(service_account("default", "$own"))
            ),
        },
    )
    return await bind(context)


CHECK = Check(
    id="MNR-RBAC-010",
    title="Let outsiders in by a RoleBinding",
    guarantee="An owner grants roles to members of its tenant alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.1",
        "NSA/CISA: Authentication and authorization",
        "CVE-2023-46254 (class)",
    ),
    attempt=(
        "Binds a role in its own namespace to another tenant's user and service account, to "
        "everyone, to "
        "anonymous, to system groups."
    ),
    expect="Refused by the RBAC guardrail.",
    remedy="Bind the policy again (`manor apply`).",
    run=_attack,
)
