"""The queue system counts each pod as what it is."""

from manor.kube import ApiError
from manor.verify.attacks import said
from manor.verify.attempt import Asked, Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.findings import holds, seen
from manor.verify.mechanisms import QUOTA
from manor.verify.objects import pod
from manor.verify.requests import create

HASH = "kueue.x-k8s.io/role-hash"
FORGED = "manor-verify"


async def _attack(context: AttackContext) -> list[Attempt]:
    forged = pod(meta={**context.queue, "annotations": {HASH: FORGED}})
    what = f"as {context.attacker.asker}: a Pod with the role-hash of another"
    try:
        made = await create(forged).filled(context).send(context.act())
    except ApiError as error:
        if QUOTA.stopped(error):
            raise Asked(f"{context.attacker.name} has room for no further pod") from error
        return [Attempt(what, Verdict.ERROR, said(error))]
    left = made["metadata"].get("annotations", {})
    got = f"stored with the role-hash {left.get(HASH, 'none')}"
    return [
        seen("a Pod in the queue is admitted", got),
        holds(what, left.get(HASH) != FORGED, got, "mutation"),
    ]


CHECK = Check(
    id="MNR-QUOTA-016",
    title="Have a large pod counted as a small one",
    guarantee="The queue system counts each pod as what it is.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Kueue: Plain pods, groups", "kubernetes-sigs/kueue#13299"),
    attempt=(
        "Creates a Pod that bears the annotation by which Kueue tells which pods of a group "
        "are of one size."
    ),
    expect="The mutation manor-queued-role-hash takes it away; Kueue writes its own.",
    remedy="`manor apply` writes the mutation and its binding again.",
    requires=(TENANTS,),
    run=_attack,
)
