"""Queues of other schedulers are named by the platform alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-037",
    title="Name queues of Volcano, KAI and YuniKorn",
    guarantee="Queues of other schedulers are named by the platform alone.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "kai-scheduler/KAI-Scheduler#2068",
        "volcano-sh/volcano#5251",
    ),
    attempt="Creates Pods that name queues of Volcano, KAI-Scheduler, Run:ai and YuniKorn.",
    expect="Refused by the policy manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            f"{key} on a Pod": create(pod(meta={place: {key: "others"}}))
            for place, key in (
                ("annotations", "scheduling.volcano.sh/queue-name"),
                ("labels", "kai.scheduler/queue"),
                ("labels", "runai/queue.run.ai/queue"[6:]),
                ("annotations", "yunikorn.apache.org/queue"),
            )
        },
        by=policy("metadata"),
        control=create(pod()),
    ),
)
