"""A viewer reads all but Secrets, and enters nothing."""

from manor.api.wellknown import RBAC_API, cluster_role
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import MANOR
from manor.verify.findings import holds, need, seen

CLOSED = {
    "secrets",
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "pods/proxy",
    "services/proxy",
    "serviceaccounts/token",
    "*",
}


async def _look(context: AttackContext) -> list[Attempt]:
    role = await context.snapshot.named(RBAC_API, "ClusterRole", cluster_role("viewer"))
    need(role, "there is no ClusterRole manor:viewer")
    rules = (role or {}).get("rules") or []
    resources = {resource for rule in rules for resource in rule.get("resources", [])}
    verbs = {verb for rule in rules for verb in rule["verbs"]}
    closed, more = sorted(resources & CLOSED), sorted(verbs - {"get", "list", "watch"})
    return [
        seen("the role reads something", f"{len(resources)} resources"),
        holds(
            "resources of manor:viewer",
            not closed,
            ", ".join(closed) or "no Secrets, no way in",
            "RBAC",
        ),
        holds("verbs of manor:viewer", not more, ", ".join(more) or "get, list, watch", "RBAC"),
    ]


CHECK = Check(
    id="MNR-PLATFORM-006",
    title="Read Secrets or enter Pods as a viewer",
    guarantee="A viewer reads all but Secrets, and enters nothing.",
    severity=Severity.MEDIUM,
    level=Level.STATIC,
    references=(
        "CIS 5.1.2",
        "Kubernetes: User-facing roles",
    ),
    attempt="Looks at the rules of ClusterRole manor:viewer.",
    expect=(
        "It holds get, list and watch alone, and nothing on Secrets, exec, port-forward and tokens."
    ),
    remedy="`manor apply` writes the role again.",
    requires=(MANOR,),
    run=_look,
    kept=True,
    scope="cluster",
)
