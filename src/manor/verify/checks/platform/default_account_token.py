"""A pod of a tenant gets no API token unless it asks for one."""

from typing import Any

from manor.kube import ApiError
from manor.verify.attacks import try_allowed
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds
from manor.verify.mechanisms import QUOTA
from manor.verify.objects import pod
from manor.verify.requests import create


def _silent() -> dict[str, Any]:
    plain = pod()
    del plain["spec"]["automountServiceAccountToken"]
    return plain


async def _attack(context: AttackContext) -> list[Attempt]:
    control = await try_allowed(
        context, context.attacker.asker, "a Pod that declines a token", create(pod())
    )
    attempts = [control]
    for namespace in context.attacker.namespaces:
        account = await context.client.get("v1", "ServiceAccount", "default", namespace)
        mounts = account.get("automountServiceAccountToken", True)
        attempts.append(
            holds(
                f"ServiceAccount {namespace}/default",
                mounts is False,
                f"automountServiceAccountToken: {mounts}",
                "its field",
            )
        )
    if control.verdict is not Verdict.HELD:
        return attempts
    what = f"as {context.attacker.asker}: create a Pod that says nothing of tokens"
    try:
        made = await create(_silent()).filled(context).send(context.act())
    except ApiError as error:
        if not QUOTA.stopped(error):
            raise
        return [*attempts, Attempt(what, Verdict.ASKED, error.message)]
    tokens = [v["name"] for v in made["spec"].get("volumes", []) if "serviceAccountToken" in str(v)]
    return [
        *attempts,
        holds(what, not tokens, f"token volumes: {tokens}", "service account without a token"),
    ]


CHECK = Check(
    id="MNR-PLATFORM-007",
    title="Take the token that every Pod gets",
    guarantee="A pod of a tenant gets no API token unless it asks for one.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.5",
        "CIS 5.1.6",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt=(
        "Creates a Pod that says nothing of tokens, and looks at what the API server made of it; "
        "looks at the "
        "default service account."
    ),
    expect=(
        "The service account says automountServiceAccountToken: false, and no token volume is "
        "added."
    ),
    remedy="`manor apply` writes the service account again.",
    run=_attack,
)
