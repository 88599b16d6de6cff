"""No tenant picks a volume by name or by label: it may hold another's data."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import claim
from manor.verify.requests import create

CHECK = Check(
    id="MNR-STORAGE-002",
    title="Bind a volume of another tenant",
    guarantee="No tenant picks a volume by name or by label: it may hold another's data.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "Kubernetes: Persistent volumes, reserving",
        "CVE-2021-25741 (class)",
    ),
    attempt="Creates claims with volumeName and with a selector.",
    expect="Refused by the policy manor-storage.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(
        {
            "by name": create(claim(volumeName="pvc-of-another")),
            "by label": create(claim(selector={"matchLabels": {"tenant": "$other_tenant"}})),
        },
        by=policy("storage"),
        control=create(claim()),
    ),
)
