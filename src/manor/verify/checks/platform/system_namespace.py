"""Manor's own namespace is closed by NetworkPolicy and runs `restricted`."""

from manor.api.wellknown import NETWORKING_API, SYSTEM_NAMESPACE, TENANT_LABEL
from manor.verify import netpol
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import MANOR
from manor.verify.findings import holds, need, seen


async def _look(context: AttackContext) -> list[Attempt]:
    namespace = await context.snapshot.named("v1", "Namespace", SYSTEM_NAMESPACE)
    need(namespace, "there is no namespace manor-system")
    labels = (namespace or {})["metadata"].get("labels", {})
    policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", SYSTEM_NAMESPACE)
    attempts = [seen("the namespace is there", f"{len(policies)} NetworkPolicies")]
    for direction in ("Ingress", "Egress"):
        closed = bool(netpol.applying(policies, direction, {}))
        got = "closed by default" if closed else "no policy restricts it"
        attempts.append(holds(f"{direction.lower()} of manor-system", closed, got, "NetworkPolicy"))
    level = labels.get("pod-security.kubernetes.io/enforce")
    attempts.append(
        holds(
            "Pod Security of manor-system", level == "restricted", f"enforce: {level}", "its label"
        )
    )
    tenant = labels.get(TENANT_LABEL)
    attempts.append(
        holds("tenant of manor-system", tenant is None, f"label: {tenant}", "its label")
    )
    return attempts


CHECK = Check(
    id="MNR-PLATFORM-002",
    title="Reach into Manor's namespace",
    guarantee="Manor's own namespace is closed by NetworkPolicy and runs `restricted`.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CIS 5.3.2",
        "CIS 5.2.1",
        "NSA/CISA: Network separation and hardening",
    ),
    attempt="Looks at the NetworkPolicies and the Pod Security labels of manor-system.",
    expect=(
        "A policy closes it in both directions; Pod Security enforces `restricted`; it bears no "
        "tenant's label."
    ),
    remedy="`manor apply` writes them again.",
    requires=(MANOR,),
    run=_look,
    kept=True,
    scope="cluster",
)
