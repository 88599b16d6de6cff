"""No tenant takes more storage than its quota."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import TENANTS
from manor.verify.mechanisms import QUOTA
from manor.verify.objects import claim
from manor.verify.requests import create

CHECK = Check(
    id="MNR-QUOTA-005",
    title="Ask for more storage than the quota has",
    guarantee="No tenant takes more storage than its quota.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("MTB-PL1-CC-FNS-1: Configure namespace resource quotas",),
    attempt="Creates a PersistentVolumeClaim of 900 TiB.",
    expect="403 from quota (`exceeded quota`).",
    remedy="Write the ResourceQuota again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(
        {
            "a claim": create(claim(resources={"requests": {"storage": "900Ti"}})),
        },
        by=QUOTA,
        control=create(claim()),
    ),
)
