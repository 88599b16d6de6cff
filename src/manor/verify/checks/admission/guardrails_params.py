"""The parameters of the guardrails are the platform's alone."""

from manor.api.wellknown import GUARDRAILS
from manor.kube import NotFound
from manor.policies.digest import is_as_written
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import MANOR
from manor.verify.findings import holds, tampering
from manor.verify.mechanisms import RBAC, any_of, policy

_tampered = tampering(
    "v1",
    "ConfigMap",
    (GUARDRAILS,),
    {"data": {"registries": "evil.example"}},
    by=any_of(policy("reserved"), RBAC),
)


async def _fault(context: AttackContext, namespace: str) -> str | None:
    try:
        live = await context.client.get("v1", "ConfigMap", GUARDRAILS, namespace)
    except NotFound:
        return "not there"
    return None if is_as_written(live, live.get("data", {})) else "not as Manor wrote them"


async def _attack(context: AttackContext) -> list[Attempt]:
    attempts = await _tampered(context)
    for namespace in context.attacker.namespaces:
        fault = await _fault(context, namespace)
        got = fault or "as Manor wrote them"
        attempts.append(holds(f"parameters of {namespace}", fault is None, got, "their digest"))
    return attempts


CHECK = Check(
    id="MNR-ADMISSION-010",
    title="Change what the policies allow",
    guarantee="The parameters of the guardrails are the platform's alone.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2022-46167 (class)",
        "GHSA-gjw4-3v3v-rqxg (class)",
    ),
    attempt=(
        "Changes, replaces and deletes the ConfigMap manor-guardrails of its namespace, in every "
        "way of writing; compares those of each of its namespaces with the digest that they were "
        "made with."
    ),
    expect="Refused by the policy manor-reserved; what is there is what Manor wrote.",
    remedy="`manor apply` binds the policy and writes the ConfigMap again.",
    requires=(MANOR,),
    run=_attack,
)
