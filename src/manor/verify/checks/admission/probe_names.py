"""What a verdict rests on is out of the tenants' reach, also before it is there."""

import asyncio

from manor.api.wellknown import PROBE_LABEL
from manor.verify.attacks import refused, try_refused
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import PREFIX, claim, pod, service
from manor.verify.requests import create
from manor.verify.team import account

NAMED = {"name": f"{PREFIX}0-client"}
MOUNTED = {"name": "data", "persistentVolumeClaim": {"claimName": f"{PREFIX}0-keeper"}}
BY = policy("probes")


async def _attack(context: AttackContext) -> list[Attempt]:
    tries = refused(
        {
            "a Pod": create(pod(meta=NAMED)),
            "a Pod of a generated name": create(pod(meta={"name": None, "generateName": PREFIX})),
            "a Pod that mounts a probe's claim": create(pod(volumes=[MOUNTED])),
            "a Service": create(service(meta=NAMED)),
            "a claim": create(claim(meta=NAMED)),
        },
        by=BY,
        control={"another name": create(pod()), "another claim": create(claim())},
    )
    labelled = refused(
        {"a Pod with the probes' label": create(pod(meta={"labels": {PROBE_LABEL: "mine"}}))},
        by=policy("metadata"),
        control=create(pod(meta={"labels": {"probe": "mine"}})),
    )
    controller = account("kube-system", "replicaset-controller")
    made = try_refused(
        context, controller, "a Pod made by a controller", create(pod(meta=NAMED)), BY
    )
    ours, labels, last = await asyncio.gather(tries(context), labelled(context), made)
    return [*ours, *labels, last]


CHECK = Check(
    id="MNR-ADMISSION-013",
    title="Pose as a probe of verify",
    guarantee="Names and labels of probes are the platform's, so that no tenant stands in for one.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("NIST SP 800-53 AU-9", "CWE-345"),
    attempt=(
        "Creates Pods, a Service and a claim named manor-verify-…, by itself, by a generated "
        "name and by a controller; "
        "a Pod with the label manor.dev/probe; and one that mounts a probe's claim."
    ),
    expect="Refused by the policies manor-probes and manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=_attack,
    attended=True,
)
