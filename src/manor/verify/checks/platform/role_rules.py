"""Roles bound in a tenant's namespaces name every verb and resource, and none that escalates."""

from manor.api.wellknown import RBAC_API
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, name_of, need, seen
from manor.verify.objects import Object
from manor.verify.rules import rule_words

VERBS = {"*", "bind", "escalate"}
RESOURCES = {
    "*",
    "pods/proxy",
    "services/proxy",
    "nodes/proxy",
    "serviceaccounts/token",
    "pods/binding",
    "bindings",
}
GUARDED = {"resourcequotas", "limitranges", "networkpolicies", "endpoints", "endpointslices"}
READS = {"get", "list", "watch"}


OWNERS_ALONE = {"serviceaccounts/token"}
"""An owner may ask for what any pod of the namespace gets; MNR-ADMISSION-008 sees that it is
bounded."""


def _faults(role: Object, guarded: set[str]) -> list[str]:
    faults = ["it is aggregated"] if role.get("aggregationRule") else []
    dangerous = RESOURCES - (OWNERS_ALONE if name_of(role) == "ClusterRole manor:owner" else set())
    for rule in role.get("rules") or []:
        verbs, resources = set(rule["verbs"]), set(rule.get("resources", []))
        if (
            bad := {verb for verb in verbs if verb in VERBS or verb.startswith("impersonate")}
            | (resources & dangerous)
            | ({"*"} & set(rule.get("apiGroups", [])))
        ):
            faults.append(f"{', '.join(sorted(bad))} in: {rule_words(rule)}")
        elif resources & guarded and verbs - READS:
            faults.append(f"write on {', '.join(sorted(resources & guarded))}")
    return faults


async def _look(context: AttackContext) -> list[Attempt]:
    snapshot = context.snapshot
    found: dict[str, Object] = {}
    for namespace in context.attacker.namespaces:
        roles = await snapshot.of(RBAC_API, "Role", namespace)
        own = {role["metadata"]["name"]: role for role in roles}
        for binding in await snapshot.of(RBAC_API, "RoleBinding", namespace):
            kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
            shared = kind == "ClusterRole"
            role = await snapshot.named(RBAC_API, kind, name) if shared else own.get(name)
            if role is not None:
                found[name_of(role)] = role
    need(found, f"no role is bound in the namespaces of {context.attacker.name}")
    platform = context.tenancy.platform
    writes_policies = platform is not None and platform.spec.network.tenant_policies
    guarded = GUARDED - ({"networkpolicies"} if writes_policies else set())
    attempts = [seen("roles are bound", ", ".join(sorted(found)))]
    for name, role in found.items():
        faults = _faults(role, guarded)
        attempts.append(
            holds(
                name,
                not faults,
                "; ".join(faults) or f"{len(role.get('rules') or [])} rules",
                "RBAC",
            )
        )
    return attempts


CHECK = Check(
    id="MNR-PLATFORM-005",
    title="Find a wildcard or a dangerous right in a tenant's role",
    guarantee=(
        "Roles bound in a tenant's namespaces name every verb and resource, and none that "
        "escalates."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.3",
        "CIS 5.1.8",
        "CIS 5.1.10",
        "CIS 5.1.13",
    ),
    attempt=(
        "Looks at the rules of every Role and ClusterRole that a RoleBinding in the tenant's "
        "namespaces names."
    ),
    expect=(
        "No `*`; no bind, escalate, impersonate; no pods/proxy, services/proxy; "
        "serviceaccounts/token in manor:owner "
        "alone; no write on quotas, limits, nor network policies unless the Platform says so; no "
        "aggregation."
    ),
    remedy="`manor apply` writes the roles again; remove the tenant's own role otherwise.",
    run=_look,
    kept=True,
)
