"""namespaces/status and namespaces/finalize are no side door to labels and owners."""

from manor.api.wellknown import TENANT_LABEL
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TWO_TENANTS
from manor.verify.mechanisms import NO_VERB, RBAC, any_of, policy
from manor.verify.objects import pod
from manor.verify.requests import Request, create, every_write

CHANGE = {"metadata": {"labels": {TENANT_LABEL: "$tenant"}, "finalizers": []}}
BY = any_of(RBAC, policy("namespaces"), NO_VERB)
"""A namespace's finalize can be put and not patched."""


async def _ways(context: AttackContext) -> dict[str, Request]:
    ways: dict[str, Request] = {}
    for name in (context.attacker.namespace, context.victim.namespace, "kube-system"):
        live = await context.client.get("v1", "Namespace", name)
        every = every_write(live, CHANGE, ("status", "finalize"))
        ways |= {f"{title} of {name}": request for title, request in every.items() if "/" in title}
    return ways


_attack = refused(_ways, by=BY, control=create(pod()))

CHECK = Check(
    id="MNR-METADATA-004",
    title="Write a namespace through its subresources",
    guarantee="namespaces/status and namespaces/finalize are no side door to labels and owners.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=("GHSA-2ww6-hf35-mfjm",),
    attempt=(
        "Writes the tenant label through namespaces/status and namespaces/finalize of its own, "
        "another "
        "tenant's and a system namespace, by put, three kinds of patch and server-side apply."
    ),
    expect="403 from RBAC, or refused by the policy manor-namespaces.",
    remedy=(
        "Bind the policy manor-namespaces again (`manor apply`), and take the right on "
        "namespaces from the "
        "tenant's roles."
    ),
    requires=(TWO_TENANTS,),
    run=_attack,
)
