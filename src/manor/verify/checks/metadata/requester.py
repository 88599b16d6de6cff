"""Nobody asks for a workload in another's name."""

from typing import Any

from manor.api.wellknown import API_VERSION, REQUESTED_BY
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import MANOR
from manor.verify.mechanisms import policy
from manor.verify.objects import make
from manor.verify.requests import create

SPECS: dict[str, dict[str, Any]] = {
    "TrainingJob": {"image": "$image", "command": ["true"]},
    "Model": {"format": "sklearn", "storageUri": "pvc://models/iris"},
    "Workspace": {"image": "$image"},
}
FORGED = {"annotations": {REQUESTED_BY: "somebody-else@verify.invalid"}}

CHECK = Check(
    id="MNR-METADATA-016",
    title="Ask for a workload in another's name",
    guarantee="The name of who asked for a workload is that of whoever wrote its spec.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("Kubernetes: Authenticating, user information in admission",),
    attempt=(
        "Creates a TrainingJob, a Model and a Workspace that say to have been asked for by "
        "somebody else."
    ),
    expect="Refused by the policy manor-requested-by.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(MANOR,),
    run=refused(
        {
            kind: create(make(API_VERSION, kind, meta=FORGED, spec=spec))
            for kind, spec in SPECS.items()
        },
        by=policy("requested-by"),
        control={kind: create(make(API_VERSION, kind, spec=spec)) for kind, spec in SPECS.items()},
    ),
)
