"""No tenant asks for admin access to devices."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, SCHEMA, any_of, policy
from manor.verify.objects import make, pod
from manor.verify.requests import create

CLAIM = make(
    "resource.k8s.io/v1",
    "ResourceClaim",
    spec={
        "devices": {
            "requests": [
                {
                    "name": "r",
                    "exactly": {
                        "deviceClassName": "gpu",
                        "allocationMode": "All",
                        "adminAccess": True,
                    },
                }
            ]
        }
    },
)

CHECK = Check(
    id="MNR-POD-035",
    title="Look into devices that others hold",
    guarantee="No tenant asks for admin access to devices.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "KEP-5018",
        "KEP-4381",
    ),
    attempt="Creates a ResourceClaim with adminAccess.",
    expect=(
        "403 from RBAC (no right on resource claims), the policy manor-gpu, or the API server's "
        "own rule for "
        "admin access."
    ),
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "adminAccess": create(CLAIM),
        },
        by=any_of(policy("gpu"), RBAC, SCHEMA),
        control=create(pod()),
    ),
)
