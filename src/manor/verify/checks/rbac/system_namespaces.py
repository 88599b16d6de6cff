"""The system's namespaces are closed to tenants."""

from collections.abc import Iterator

from manor.api.wellknown import RBAC_GROUP, SYSTEM_NAMESPACE
from manor.verify.access import Access, no_access
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext

KEPT = ("kube-system", "kube-public", "kube-node-lease", "default", SYSTEM_NAMESPACE)


LOOKS = (("list", "configmaps", ""), ("list", "pods", ""))
WRITES = (
    ("get list create update", "secrets", ""),
    ("create update", "configmaps", ""),
    ("create delete", "pods", ""),
    ("create update", "endpoints", ""),
    ("create update", "leases", "coordination.k8s.io"),
    ("create update", "rolebindings", RBAC_GROUP),
)


def _cells(context: AttackContext) -> Iterator[Access]:
    tenancy = context.tenancy
    # Whoever may look at the platform's own dashboards, say, is let in by the platform.
    others = tenancy.tools.reserved_namespaces(tenancy.platform) if tenancy.platform else []
    for namespace in dict.fromkeys([*KEPT, *others]):
        for verbs, resource, group in (*WRITES, *(LOOKS if namespace in KEPT else ())):
            yield Access(verbs, resource, group, namespace)


async def _attack(context: AttackContext) -> list[Attempt]:
    return await no_access(*_cells(context))(context)


CHECK = Check(
    id="MNR-RBAC-019",
    title="Work in the system namespaces",
    guarantee="The system's namespaces are closed to tenants.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.2",
        "CVE-2025-55205 (class)",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks to read Secrets and to write Pods, Secrets, ConfigMaps, RoleBindings, Leases and "
        "Endpoints in every namespace that the Platform keeps to itself: kube-system, kube-public, "
        "kube-node-lease, default, manor-system, and those of the gateways, the Tools and the "
        "platform's own pods; in the first five also to list Pods and ConfigMaps."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding that gives it.",
    run=_attack,
)
