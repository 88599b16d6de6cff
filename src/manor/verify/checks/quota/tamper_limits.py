"""Quotas and limit ranges are the platform's alone."""

from manor.api.wellknown import LIMITS
from manor.verify.check import Check, Level, Severity
from manor.verify.features import MANOR
from manor.verify.findings import tampering
from manor.verify.mechanisms import RBAC, any_of, policy

CHECK = Check(
    id="MNR-QUOTA-008",
    title="Lift one's own limit range",
    guarantee="Quotas and limit ranges are the platform's alone.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("MTB-PL1-CC-TI-1: Block modification of resource quotas",),
    attempt="Changes, replaces and deletes the LimitRange, in every way of writing.",
    expect="403 from RBAC, or refused by the policy manor-reserved.",
    remedy="Take the right on limitranges from the role; bind the policy again.",
    requires=(MANOR,),
    run=tampering(
        "v1",
        "LimitRange",
        (LIMITS,),
        {"spec": {"limits": []}},
        by=any_of(RBAC, policy("reserved")),
    ),
)
