"""Performance classes of volumes are the platform's to give."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import claim
from manor.verify.requests import create

CHECK = Check(
    id="MNR-STORAGE-004",
    title="Choose volume attributes",
    guarantee="Performance classes of volumes are the platform's to give.",
    severity=Severity.LOW,
    level=Level.DRY_RUN,
    references=("KEP-3751",),
    attempt="Creates a claim with a volumeAttributesClassName.",
    expect="Refused by the policy manor-storage.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(
        {
            "an attributes class": create(claim(volumeAttributesClassName="fast")),
        },
        by=policy("storage"),
        control=create(claim()),
    ),
)
