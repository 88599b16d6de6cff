"""Nothing of one's own is a part of somebody else's workload."""

from typing import Any

from manor.api.wellknown import COMPONENT_LABEL, NAME_LABEL
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, pod
from manor.verify.requests import create

LABELS = {"labels": {COMPONENT_LABEL: "trainingjob", NAME_LABEL: NAME}}
OWNERS: tuple[tuple[str, str], ...] = (("batch/v1", "Job"), ("apps/v1", "ReplicaSet"))


def _controlled(version: str, kind: str) -> dict[str, Any]:
    owner = {"apiVersion": version, "kind": kind, "name": NAME, "uid": "0", "controller": True}
    return {"ownerReferences": [owner]}


CHECK = Check(
    id="MNR-METADATA-017",
    title="Pass a pod off as a part of a workload",
    guarantee="What controls a part of a workload is for its controllers to say.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("Kubernetes: Owners and dependents",),
    attempt="Creates pods with a TrainingJob's labels that say to be a Job's or a ReplicaSet's.",
    expect="Refused by the policy manor-parts.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {kind: create(pod(meta={**LABELS, **_controlled(v, kind)})) for v, kind in OWNERS},
        by=policy("parts"),
        control=create(pod(meta=LABELS)),
    ),
)
