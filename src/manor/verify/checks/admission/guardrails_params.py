"""The parameters of the guardrails are the platform's alone."""

from manor.api.wellknown import GUARDRAILS
from manor.verify.check import Check, Level, Severity
from manor.verify.features import MANOR
from manor.verify.findings import tampering
from manor.verify.mechanisms import RBAC, any_of, policy

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
        "way of "
        "writing; creates another of a reserved name."
    ),
    expect="Refused by the policy manor-reserved.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(MANOR,),
    run=tampering(
        "v1",
        "ConfigMap",
        (GUARDRAILS,),
        {"data": {"registries": "evil.example"}},
        by=any_of(policy("reserved"), RBAC),
    ),
)
