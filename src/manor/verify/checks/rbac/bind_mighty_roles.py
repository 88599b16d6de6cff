"""No binding makes a tenant mightier than Manor's roles."""

from manor.verify.attacks import refused
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import ESCALATION, RBAC, any_of, policy
from manor.verify.objects import role_binding
from manor.verify.requests import create

ROLES = (
    *("cluster-admin", "admin", "edit", "system:node"),
    "system:controller:generic-garbage-collector",
)


async def _attack(context: AttackContext) -> list[Attempt]:
    itself = context.attacker.actor.subject
    bind = refused(
        {name: create(role_binding(itself, role=f"ClusterRole/{name}")) for name in ROLES},
        by=any_of(ESCALATION, policy("rbac"), RBAC),
        control=create(role_binding(itself)),
    )
    return await bind(context)


CHECK = Check(
    id="MNR-RBAC-009",
    title="Bind cluster-admin, admin or edit in one's own namespace",
    guarantee="No binding makes a tenant mightier than Manor's roles.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.1",
        "CIS 5.1.8",
        "Kubernetes: Privilege escalation prevention",
    ),
    attempt="Creates RoleBindings of cluster-admin, admin, edit and system:node to itself.",
    expect="403 from the API server's own escalation check, or from the RBAC guardrail.",
    remedy="Take `bind` on clusterroles from the tenant's roles.",
    run=_attack,
)
