"""Volumes come from the tenant's storage classes alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import claim
from manor.verify.requests import create

CHECK = Check(
    id="MNR-STORAGE-003",
    title="Use a storage class that is not allowed",
    guarantee="Volumes come from the tenant's storage classes alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Kubernetes: Storage classes",
        "Kubernetes: Multi-tenancy, storage",
    ),
    attempt=(
        "Creates claims of another storage class and of none, which binds volumes made by hand."
    ),
    expect="Refused by the policy manor-storage.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(
        {
            "another class": create(claim(storageClassName="manor-verify-foreign")),
            "no class": create(claim(storageClassName="")),
        },
        by=policy("storage"),
        control=create(claim()),
    ),
)
