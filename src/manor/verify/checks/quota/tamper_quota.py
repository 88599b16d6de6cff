"""Quotas and limit ranges are the platform's alone."""

from manor.api.wellknown import QUOTA
from manor.verify.check import Check, Level, Severity
from manor.verify.features import MANOR
from manor.verify.findings import tampering
from manor.verify.mechanisms import RBAC, any_of, policy

CHECK = Check(
    id="MNR-QUOTA-007",
    title="Lift one's own quota",
    guarantee="Quotas and limit ranges are the platform's alone.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=("MTB-PL1-CC-TI-1: Block modification of resource quotas",),
    attempt=(
        "Changes, replaces and deletes the ResourceQuota and creates another, in every way "
        "of writing."
    ),
    expect="403 from RBAC, or refused by the policy manor-reserved.",
    remedy="Take the right on resourcequotas from the role; bind the policy again.",
    requires=(MANOR,),
    run=tampering(
        "v1",
        "ResourceQuota",
        (QUOTA,),
        {"spec": {"hard": {"requests.cpu": "9999"}}},
        by=any_of(RBAC, policy("reserved")),
        subresources=("status",),
    ),
)
