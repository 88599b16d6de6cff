"""The run of `manor verify` that nobody attends: when, with which rights, and as whom it asks.

It is no part of the operator: whoever could act as that gains no identity by it. And it becomes
nobody but the tenants' stand-ins, which may store nothing: the guardrail manor-stand-ins refuses of
theirs what is no dry run.
"""

from manor.api.looked_at import LOOKED_AT
from manor.api.platform import PlatformNetwork
from manor.api.wellknown import (
    GUARDRAILS,
    INSTANCE_LABEL,
    MANAGED,
    NAME_LABEL,
    STAND_IN_ACCOUNT,
    SYSTEM_NAMESPACE,
    VERIFIER,
    VERIFIER_ROLE,
    VERIFY_RUNS,
)
from manor.render.network import policy
from manor.render.objects import Object, make
from manor.render.own_pods import Right, account, container, granted, pod_spec, ways_out

PODS = {NAME_LABEL: VERIFIER, INSTANCE_LABEL: "manor"}
"""The labels of its pods."""
COMMAND = ("verify", "--level", "dry-run", "--stand-ins", "--keep-report")
"""What they run."""
RESOURCES: Object = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"memory": "2Gi"},
}
"""For a thousand tenants and more: 240 took 331 MiB."""
_LATEST = 3600
"""Seconds after its time in which a run may still begin."""
_LONGEST = 4 * 3600
"""Seconds that a run may take."""

RIGHTS = (
    *(
        Right("Looks at what holds teams apart.", ("get", "list"), group, resources)
        for group, resources in LOOKED_AT.items()
    ),
    Right(
        "Asks of what the guardrails read whether a team may change it.",
        ("get",),
        "",
        ["configmaps"],
        (GUARDRAILS,),
    ),
    Right(
        "Asks the authorizer what teams' people may do.",
        ("create",),
        "authorization.k8s.io",
        ["subjectaccessreviews"],
    ),
    Right(
        "Asks as a team's stand-in, which may store nothing and sees no Secret: never as a person, "
        "a group or another account.",
        ("impersonate",),
        "",
        ["serviceaccounts"],
        (STAND_IN_ACCOUNT,),
    ),
)
"""Everywhere."""
REPORT_RIGHTS = (Right("Keeps its report.", ("get", "patch"), "", ["configmaps"], (VERIFY_RUNS,)),)
"""In the system namespace alone."""


def render_verifier(image: str, schedule: str, network: PlatformNetwork | None) -> list[Object]:
    """Its objects in the system namespace."""
    egress = ways_out(network)
    return [
        account(VERIFIER),
        *granted(VERIFIER, VERIFIER_ROLE, RIGHTS),
        *granted(VERIFIER, VERIFIER, REPORT_RIGHTS, SYSTEM_NAMESPACE),
        policy(
            SYSTEM_NAMESPACE,
            VERIFIER,
            podSelector={"matchLabels": PODS},
            ingress=[],
            egress=egress,
        ),
        _cron_job(image, schedule),
    ]


def _cron_job(image: str, schedule: str) -> Object:
    labels = {**MANAGED, **PODS}
    runs = container("verify", image, COMMAND, RESOURCES)
    spec = {
        "schedule": schedule,
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": _LATEST,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {
            "metadata": {"labels": labels},
            "spec": {
                # What is open is found again; a second run in the same night tells no more.
                "backoffLimit": 0,
                "activeDeadlineSeconds": _LONGEST,
                "template": {
                    "metadata": {"labels": labels},
                    "spec": pod_spec(VERIFIER, runs, restartPolicy="Never"),
                },
            },
        },
    }
    return make("batch/v1", "CronJob", VERIFIER, SYSTEM_NAMESPACE, labels=labels, spec=spec)
