"""What one job was admitted for, no other job runs on."""

from collections.abc import Mapping

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import accelerators, container, make, pod, pod_spec
from manor.verify.requests import Request, create

PREBUILT, SLICE = "kueue.x-k8s.io/prebuilt-workload-name", "kueue.x-k8s.io/workload-slice-name"
GROUP, COUNT = "kueue.x-k8s.io/pod-group-name", "kueue.x-k8s.io/pod-group-total-count"
ADMITTED = "job-verify-probe-0a1b2"
"""As Kueue names the Workload of a Job."""
OWNER = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "name": "verify-probe",
    "uid": "0",
    "controller": True,
}


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    labels = context.queue["labels"]
    budget = context.attacker.tenant.spec.gpu.total if context.attacker.tenant else 0
    greedy = container(resources=accelerators(context.gpu))
    job = {"template": {"spec": pod_spec()}, "backoffLimit": 0}
    found = {
        "a Pod in the group of a Job's Workload": create(
            pod(meta={"labels": {**labels, GROUP: ADMITTED}, "annotations": {COUNT: "1"}})
        ),
        "a Pod on a Workload by name": create(pod(meta={"labels": {**labels, PREBUILT: ADMITTED}})),
        "a Job on a Workload by name": create(
            make("batch/v1", "Job", meta={"labels": {**labels, PREBUILT: ADMITTED}}, spec=job)
        ),
        "a Pod in the slice of a Workload": create(
            pod(meta={"labels": labels, "annotations": {SLICE: ADMITTED}})
        ),
    }
    if budget:
        member = pod(greedy, meta={"labels": labels, "ownerReferences": [OWNER]})
        found["a Pod with a GPU as part of an admitted Job"] = create(member)
    return found


CHECK = Check(
    id="MNR-QUOTA-012",
    title="Run on another job's admission",
    guarantee="What one job was admitted for by the queue system, no other runs on.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "kubernetes-sigs/kueue#13960",
        "kubernetes-sigs/kueue#4804",
        "Kueue: Plain pods, groups",
    ),
    attempt=(
        "Creates Pods and Jobs that name a Workload of another job: by the name of a group, of a "
        "prebuilt Workload, of "
        "a slice, and by a controller as the owner of a Pod with a GPU."
    ),
    expect="Refused by the policy manor-queues.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(
        _attacks,
        by=policy("queues"),
        control={
            "a Pod that names no Workload": create(pod()),
            "a Job that names none": create(
                make("batch/v1", "Job", spec={"template": {"spec": pod_spec()}})
            ),
        },
    ),
)
