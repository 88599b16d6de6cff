"""RoleBindings in a tenant's namespaces name its own members and service accounts, and its Tools'
controllers."""

from manor.api.subjects import ROLES
from manor.api.wellknown import RBAC_API
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.findings import holds, name_of, seen, subject_name


async def _look(context: AttackContext) -> list[Attempt]:
    platform = context.tenancy.platform
    prefix = platform.spec.identity.group_prefix if platform else ""
    members = [s for role in ROLES for s in context.tenant.subjects(role)]
    known = {(s.kind, s.known_as(prefix), s.namespace) for s in members}
    for tool in context.tools.tools:
        known |= {
            ("ServiceAccount", c.name, c.namespace)
            for c in tool.spec.controllers
            if tool.spec.rights
        }
    attempts = []
    for namespace in context.attacker.namespaces:
        bindings = await context.snapshot.of(RBAC_API, "RoleBinding", namespace)
        attempts.append(seen("bindings are there", f"{len(bindings)} in {namespace}"))
        for binding in bindings:
            bad = [
                subject_name(s)
                for s in binding.get("subjects") or []
                if (s["kind"], s["name"], s.get("namespace")) not in known
                and not (
                    s["kind"] == "ServiceAccount"
                    and s.get("namespace") in context.attacker.namespaces
                )
            ]
            got = (
                f"it names {', '.join(bad)}"
                if bad
                else f"{len(binding.get('subjects') or [])} members"
            )
            attempts.append(holds(name_of(binding), not bad, got, "the Tenant's members"))
    return attempts


CHECK = Check(
    id="MNR-PLATFORM-004",
    title="Find an outsider bound in a tenant's namespace",
    guarantee=(
        "RoleBindings in a tenant's namespaces name its own members and service accounts, and "
        "its Tools' controllers."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.1",
        "CVE-2023-46254",
        "CVE-2022-46167 (class)",
    ),
    attempt=(
        "Compares the subjects of every RoleBinding in the tenant's namespaces with the "
        "Tenant's spec."
    ),
    expect=(
        "Each is a member, a service account of the tenant's namespaces, or a controller of a "
        "Tool that it uses; users "
        "are bound to roles that are at most their own."
    ),
    remedy="Remove the RoleBinding, or name the member in the Tenant.",
    requires=(TENANTS,),
    run=_look,
    kept=True,
)
